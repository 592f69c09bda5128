"""What is told of a credential: everything but what it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from shared.errors import HandrailError

#: A value that was replaced is masked for so long: commands that were begun with it may still run.
MASKED_FOR: Final = timedelta(days=7)


class Did(StrEnum):
    """What was done to a credential."""

    CREATED = "created"
    ROTATED = "rotated"
    REMOVED = "removed"
    REKEYED = "rekeyed"


@dataclass(frozen=True)
class Credential:
    """``revision`` grows with each new value."""

    name: str
    revision: int
    created_at: datetime
    created_by: str
    rotated_at: datetime | None = None
    rotated_by: str | None = None
    used_at: datetime | None = None
    used_by: str | None = None


@dataclass(frozen=True)
class Deed:
    """One line of the record that is kept about a credential."""

    name: str
    did: Did
    by: str
    at: datetime


@dataclass(frozen=True)
class Values:
    """What a credential is now, if it is, and what it was not long ago; or why nobody knows."""

    revision: int
    now: SecretStr | None
    before: tuple[SecretStr, ...] = ()
    problem: str = ""


class NoCredentialError(HandrailError):
    """There is no credential of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no credential {name}: `handrail secret set {name}` makes one")


class CredentialExistsError(HandrailError):
    """There is a credential of that name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a credential {name}: `handrail secret rotate {name}`")


class CredentialChangedError(HandrailError):
    """A credential has another revision than whoever wanted to change it believed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"credential {name} was changed meanwhile")
