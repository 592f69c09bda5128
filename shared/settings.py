"""What every service is told by its environment, and how a wrong setting is reported."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, MongoDsn, NatsDsn, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnparsableError

from shared.complaints import complaint
from shared.errors import SettingsError

PREFIX = "HANDRAIL_"
# As many bytes as SHA-256 has: less could be guessed, more adds nothing.
SECRET_KEY_LENGTH = 32


class ServiceSettings(BaseSettings):
    """The settings that all services share."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    home: Path = Path(".handrail")
    nats_url: NatsDsn
    nats_replicas: int = Field(1, ge=1, le=5)
    mongo_url: MongoDsn
    mongo_database: str = "handrail"
    config: Path | None = None
    host: str = "127.0.0.1"


class SigningSettings(ServiceSettings):
    """The settings of a service that signs or checks what people said."""

    secret_key: Annotated[SecretStr, Field(min_length=SECRET_KEY_LENGTH)]


S = TypeVar("S", bound=BaseSettings)


def load_settings(cls: type[S]) -> S:
    """Read the settings from the environment.

    Raises:
        SettingsError: one line that names every missing or wrong variable.
    """
    try:
        return cls()
    except ValidationError as error:
        wrong = [_complaint(cls, detail) for detail in error.errors()]
        raise SettingsError("; ".join(wrong)) from None
    except UnparsableError as error:
        # Of a variable whose value should be JSON; its own text has the field's name only.
        raise SettingsError(" ".join(str(error).split())) from None


def _complaint(cls: type[BaseSettings], detail: ErrorDetails) -> str:
    """What is wrong with one variable, without its value."""
    message = "is not set" if detail["type"] == "missing" else complaint(detail)
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0])
    # Where a field has an alias, the alias is the variable.
    variable = f"{PREFIX}{name.upper()}" if name in cls.model_fields else name
    return f"{variable}: {message}"
