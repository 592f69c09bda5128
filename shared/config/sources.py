"""``sources``: who posts webhooks, how that is known, and what is in them."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, IPvAnyNetwork, model_validator

from shared.config.identity import IdentityRules
from shared.config.limits import AlertLimit
from shared.config.section import Section
from shared.mapping import GenericMap
from shared.secrets import SecretRef


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


#: One secret or several, of which each is good.
Secrets = Annotated[tuple[SecretRef, ...], BeforeValidator(_several), Field(min_length=1)]


#: An address as people write it, and nothing that could begin another header.
ADDRESS: Final = r"^[^@\s<>\",;]+@[^@\s<>\",;]+$"


class BasicAuth(Section):
    """HTTP basic authentication."""

    username: str
    password: Secrets


class HeaderAuth(Section):
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


class HmacAuth(Section):
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


class SnsAuth(Section):
    """Amazon's own signature on each message; only these topics are listened to."""

    topics: Annotated[tuple[str, ...], Field(min_length=1)]


class SourceConfig(Section):
    """What a source is, and how it proves that it is: by one of the five ways.

    ``kind`` is what it sends, where its name does not say so. Secrets may be several, so that one
    can be exchanged for another without a gap. ``allow_from`` are networks, besides the proof.
    ``map`` is for the kind ``generic``: how its bodies are read. ``fingerprint`` overrides how its
    problems are told apart. ``person`` is for the kind ``api``: the address of the one person whose
    token it is, who has asked for every ticket that comes with it.
    """

    kind: str | None = None
    map: GenericMap | None = None
    bearer: Secrets | None = None
    basic: BasicAuth | None = None
    header: HeaderAuth | None = None
    hmac: HmacAuth | None = None
    sns: SnsAuth | None = None
    allow_from: tuple[IPvAnyNetwork, ...] = ()
    limit: AlertLimit | None = None
    fingerprint: IdentityRules | None = None
    person: Annotated[str, Field(pattern=ADDRESS)] | None = None

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
