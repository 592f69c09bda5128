"""Secrets by reference: a settings file names where a secret is, never the secret."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    model_validator,
)

from shared.errors import PermanentError, SettingsError

CredentialName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]

_PLACES = "{env: NAME}, {file: PATH}, {credential: NAME} or {vault: {path: PATH, key: KEY}}"


class SecretMissingError(SettingsError, PermanentError):
    """A secret is not where it should be; says where that is."""


class VaultPlace(BaseModel):
    """Where a secret is in HashiCorp Vault's key-value engine, version 2."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, StringConstraints(pattern=r"^[^/\s][^\s]*$")]
    key: Annotated[str, Field(min_length=1)] = "value"
    mount: Annotated[str, StringConstraints(pattern=r"^[^/\s]([^\s]*[^/\s])?$")] = "secret"

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}#{self.key}"


class SecretRef(BaseModel):
    """Where a secret is: an environment variable, a file less its last line break, or a keeper."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = Field(None, pattern="^[A-Za-z_][A-Za-z0-9_]*$")
    file: Path | None = None
    credential: Annotated[
        CredentialName | None,
        Field(description="One under `credentials`, or of `handrail secret set`."),
    ] = None
    vault: VaultPlace | None = None
    _found_by: Callable[[], SecretStr] | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"a secret is not written here: use {_PLACES}")  # noqa: TRY004 pydantic wants it
        return value

    @model_validator(mode="after")
    def _one_place(self) -> "SecretRef":
        places = (self.env, self.file, self.credential, self.vault)
        if sum(place is not None for place in places) != 1:
            raise ValueError(f"name one place: {_PLACES}")
        return self

    @property
    def is_kept(self) -> bool:
        """Whether it has to be asked for before it can be read."""
        return self.credential is not None or self.vault is not None

    @property
    def is_bound(self) -> bool:
        """Whether somebody said how it is found."""
        return self._found_by is not None

    def bind(self, found_by: Callable[[], SecretStr]) -> None:
        """Say how it is found, where it is not read from this machine."""
        self._found_by = found_by

    def read(self) -> SecretStr:
        """The secret as it is now.

        Raises:
            SecretMissingError: it is not where it should be, or is empty.
        """
        if self.is_kept:
            if self._found_by is None:
                raise SecretMissingError(f"{self}: no secret can be taken from there here")
            return self._found_by()
        if self.env is not None:
            value, where = os.environ.get(self.env, ""), self.env
        else:
            where = str(self.file)
            try:
                value = Path(where).read_text(encoding="utf-8").rstrip("\r\n")
            except OSError as error:
                raise SecretMissingError(
                    f"{where}: the secret cannot be read: {error.strerror}"
                ) from error
            except UnicodeDecodeError:
                # Not as a cause: it carries the bytes.
                raise SecretMissingError(f"{where}: the secret is not UTF-8 text") from None
        if not value:
            raise SecretMissingError(f"{where}: the secret is not set")
        return SecretStr(value)

    def __str__(self) -> str:
        """Where it is."""
        if self.credential is not None:
            return f"credential {self.credential}"
        if self.vault is not None:
            return f"vault {self.vault}"
        return str(self.env or self.file)


def secret_refs(value: object) -> Iterator[SecretRef]:
    """Every reference in a model, or in a collection of models."""
    match value:
        case SecretRef():
            yield value
        case BaseModel():
            for _, part in value:
                yield from secret_refs(part)
        case dict():
            for part in value.values():
                yield from secret_refs(part)
        case list() | tuple():
            for part in value:
                yield from secret_refs(part)
