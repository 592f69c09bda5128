"""``handrail.yaml``: sources, people, targets and Prometheus servers."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    field_validator,
    model_validator,
)

from shared.mapping import GenericMap
from shared.secrets import SecretRef
from shared.yamlsource import read_file


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


#: One secret or several, of which each is good.
Secrets = Annotated[tuple[SecretRef, ...], BeforeValidator(_several), Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BasicAuth(_Section):
    """HTTP basic authentication."""

    username: str
    password: Secrets


class HeaderAuth(_Section):
    """A secret that a source sends as it is in a header of its own, such as ``X-Gitlab-Token``."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    value: Secrets


class SignatureStyle(StrEnum):
    """Whose way of signing a body with HMAC; ``custom`` is described by the other fields."""

    GITHUB = "github"
    PAGERDUTY = "pagerduty"
    SENTRY = "sentry"
    GRAFANA = "grafana"
    CUSTOM = "custom"


class HmacAuth(_Section):
    """A secret that a source signs each body with."""

    secret: Secrets
    style: SignatureStyle = SignatureStyle.CUSTOM
    header: str | None = None
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""

    @model_validator(mode="after")
    def _header_is_known(self) -> "HmacAuth":
        if (self.style is SignatureStyle.CUSTOM) == (self.header is None):
            raise ValueError("a custom style needs the header's name, another one has its own")
        return self


class SnsAuth(_Section):
    """Amazon's own signature on each message; only these topics are listened to."""

    topics: Annotated[tuple[str, ...], Field(min_length=1)]


class SourceConfig(_Section):
    """What a source is, and how it proves that it is: by one of the five ways.

    ``kind`` is what it sends, where its name does not say so. Secrets may be several, so that one
    can be exchanged for another without a gap. ``allow_from`` are networks, besides the proof.
    ``map`` is for the kind ``generic``: how its bodies are read.
    """

    kind: str | None = None
    map: GenericMap | None = None
    bearer: Secrets | None = None
    basic: BasicAuth | None = None
    header: HeaderAuth | None = None
    hmac: HmacAuth | None = None
    sns: SnsAuth | None = None
    allow_from: tuple[IPvAnyNetwork, ...] = ()

    @model_validator(mode="after")
    def _some_proof(self) -> "SourceConfig":
        proofs = (self.bearer, self.basic, self.header, self.hmac, self.sns)
        if sum(proof is not None for proof in proofs) != 1:
            raise ValueError(
                "name one: bearer or basic, header, hmac or sns, "
                "so that strangers cannot open tickets"
            )
        return self

    @model_validator(mode="after")
    def _mapped_if_generic(self) -> "SourceConfig":
        if (self.kind == "generic") != (self.map is not None):
            raise ValueError("`kind: generic` needs a `map`, and only that kind has one")
        return self

    def secrets(self) -> tuple[SecretRef, ...]:
        """The secrets that the proof needs."""
        if self.basic is not None:
            return self.basic.password
        if self.header is not None:
            return self.header.value
        if self.hmac is not None:
            return self.hmac.secret
        return self.bearer or ()


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
