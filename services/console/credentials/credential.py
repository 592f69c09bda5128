"""Credentials as the API shows them: everything but what they are. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.console.targets.target import Origin, TargetView
from shared.credentials.credential import Credential
from shared.secrets import SecretRef

_LONGEST: Final = 100_000


class Kind(StrEnum):
    """Where a credential is: in Handrail's store, or where handrail.yaml says."""

    STORED = "stored"
    ENV = "env"
    FILE = "file"
    VAULT = "vault"


class NewValue(BaseModel):
    """A value, as it is: nothing is cut off.

    What else stands in the body is left alone: to tell of it would repeat it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    value: Annotated[
        SecretStr,
        Field(
            min_length=1,
            max_length=_LONGEST,
            description="Never given out again. From four characters on it is masked everywhere.",
        ),
    ]


class CredentialView(BaseModel):
    """What is told of a credential: who made, rotated and used it when; never its value."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    origin: Origin
    created_at: datetime | None = None
    created_by: str | None = None
    rotated_at: datetime | None = None
    rotated_by: str | None = None
    used_at: Annotated[datetime | None, Field(description="Right to the minute.")] = None
    used_by: Annotated[str | None, Field(description="The service that used it.")] = None
    targets: Annotated[tuple[str, ...], Field(description="Those that name it.")] = ()

    @classmethod
    def of(cls, kept: Credential, targets: Iterable[str]) -> Self:
        said = {name: value for name, value in vars(kept).items() if name != "revision"}
        return cls(**said, kind=Kind.STORED, origin=Origin.ADDED, targets=tuple(targets))

    @classmethod
    def in_file(cls, name: str, ref: SecretRef, targets: Iterable[str]) -> Self:
        kind = next(kind for kind in Kind if getattr(ref, kind.value, None) is not None)
        return cls(name=name, kind=kind, origin=Origin.FILE, targets=tuple(targets))


def views(
    stored: Iterable[Credential],
    file: Mapping[str, SecretRef],
    targets: Mapping[str, TargetView],
) -> dict[str, CredentialView]:
    """Each as it is shown; of equal names the file's counts."""
    named: dict[str, list[str]] = {}
    for target in targets.values():
        for name in target.credentials:
            named.setdefault(name, []).append(target.name)
    shown = {each.name: CredentialView.of(each, named.get(each.name, ())) for each in stored}
    in_file = {
        name: CredentialView.in_file(name, ref, named.get(name, ())) for name, ref in file.items()
    }
    return {**shown, **in_file}


def etag(kept: Credential | None) -> str | None:
    """What tells one value from the next, and nothing of either."""
    return None if kept is None else f'"{kept.revision}"'
