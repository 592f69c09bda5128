"""``handrail.yaml``: sources, people, targets and Prometheus servers."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator, model_validator

from shared.secrets import SecretRef
from shared.yamlsource import read_file


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BasicAuth(_Section):
    """HTTP basic authentication."""

    username: str
    password: SecretRef


class SourceConfig(_Section):
    """How a source proves that it is the source: one of the two, as Alertmanager can send them."""

    bearer: SecretRef | None = None
    basic: BasicAuth | None = None

    @model_validator(mode="after")
    def _some_proof(self) -> "SourceConfig":
        if (self.bearer is None) == (self.basic is None):
            raise ValueError("name one: bearer or basic, so that strangers cannot open tickets")
        return self


class Person(_Section):
    """Somebody who is asked for approvals and told of outcomes."""

    name: str
    email: Annotated[str, Field(pattern=r"^[^@\s<>\",;]+@[^@\s<>\",;]+$")]


class LocalTarget(_Section):
    """The machine that the executor itself runs on."""

    connector: Literal["local"]


class SshTarget(_Section):
    """A host that is reached over SSH; its host key is pinned, so that a changed one is refused."""

    connector: Literal["ssh"]
    host: str
    port: int = Field(22, ge=1, le=65535)
    user: str
    host_key: Annotated[str, Field(description="As in known_hosts: `ssh-ed25519 AAAA…`.")]
    key: SecretRef | None = None
    passphrase: SecretRef | None = None
    password: SecretRef | None = None

    @field_validator("host_key")
    @classmethod
    def _is_public_key(cls, value: str) -> str:
        if len(value.split()) < 2:  # noqa: PLR2004 a type and a key
            raise ValueError("a host key has a type and a key: `ssh-ed25519 AAAA…`")
        return value

    @model_validator(mode="after")
    def _some_credential(self) -> "SshTarget":
        if self.key is None and self.password is None:
            raise ValueError("a key or a password is needed to log in")
        return self


Target = Annotated[LocalTarget | SshTarget, Field(discriminator="connector")]


class PrometheusServer(_Section):
    """A Prometheus, or anything that answers its query API."""

    url: HttpUrl
    bearer: SecretRef | None = None


class Config(_Section):
    """All of ``handrail.yaml``; every part may be left out."""

    sources: dict[str, SourceConfig] = {}
    people: tuple[Person, ...] = ()
    targets: dict[str, Target] = {}
    prometheus: dict[str, PrometheusServer] = {}

    @field_validator("people")
    @classmethod
    def _each_once(cls, people: tuple[Person, ...]) -> tuple[Person, ...]:
        emails = [person.email.lower() for person in people]
        for email in emails:
            if emails.count(email) > 1:
                raise ValueError(f"{email} is there twice: two approvals need two people")
        return people

    @field_validator("prometheus")
    @classmethod
    def _default_is_clear(cls, servers: dict[str, Any]) -> dict[str, Any]:
        if len(servers) > 1 and "default" not in servers:
            raise ValueError("of several servers, one must be called `default`")
        return servers


def load_config(path: Path | None) -> Config:
    """The configuration, or an empty one where there is no file.

    Raises:
        SourceError: the file is wrong; every mistake with its line and column.
    """
    if path is None:
        return Config()
    return read_file(path).parse(Config)
