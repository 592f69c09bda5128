"""Secrets by reference: a settings file names where a secret is, never the secret."""

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from shared.errors import SettingsError


class SecretRef(BaseModel):
    """Where a secret is: an environment variable, or a file less its last line break."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = Field(None, pattern="^[A-Za-z_][A-Za-z0-9_]*$")
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("a secret is not written here: use {env: NAME} or {file: PATH}")  # noqa: TRY004 pydantic wants it
        return value

    @model_validator(mode="after")
    def _one_place(self) -> "SecretRef":
        if (self.env is None) == (self.file is None):
            raise ValueError("name one place: {env: NAME} or {file: PATH}")
        return self

    def read(self) -> SecretStr:
        """The secret as it is now.

        Raises:
            SettingsError: it is not where it should be, or is empty.
        """
        if self.env is not None:
            value, where = os.environ.get(self.env, ""), self.env
        else:
            where = str(self.file)
            try:
                value = Path(where).read_text(encoding="utf-8").rstrip("\r\n")
            except OSError as error:
                raise SettingsError(
                    f"{where}: the secret cannot be read: {error.strerror}"
                ) from error
            except UnicodeDecodeError:
                # Not as a cause: it carries the bytes.
                raise SettingsError(f"{where}: the secret is not UTF-8 text") from None
        if not value:
            raise SettingsError(f"{where}: the secret is not set")
        return SecretStr(value)
