"""What every service is told by its environment, and how a wrong setting is reported."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, MongoDsn, NatsDsn, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

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
        wrong = [
            f"{PREFIX}{str(detail['loc'][0]).upper()}: "
            + ("is not set" if detail["type"] == "missing" else detail["msg"])
            for detail in error.errors()
        ]
        raise SettingsError("; ".join(wrong)) from None
