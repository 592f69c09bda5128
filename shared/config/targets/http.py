"""HTTP APIs, as targets."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from shared.config.section import Section
from shared.config.targets.target import AnyTarget
from shared.secrets import SecretRef


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user or a password in it: use `auth`")
    if parts.query or parts.fragment:
        raise ValueError("ends before ? and #: a step says what comes behind it")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has no port that there is") from None
    return url.rstrip("/")


class ApiBasic(Section):
    """HTTP basic authentication."""

    username: str
    password: SecretRef


class ApiHeader(Section):
    """A secret in a header of its own, such as ``X-Api-Key``."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    value: SecretRef


class ApiAuth(Section):
    """How Handrail shows who it is: by one of these."""

    bearer: SecretRef | None = None
    basic: ApiBasic | None = None
    header: ApiHeader | None = None

    @model_validator(mode="after")
    def _one(self) -> "ApiAuth":
        if sum(way is not None for way in (self.bearer, self.basic, self.header)) != 1:
            raise ValueError("name one: bearer, basic or header")
        return self


class ApiTls(Section):
    """PEM files: who may have signed the server's certificate, and Handrail's own certificate."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    passphrase: SecretRef | None = None

    @model_validator(mode="after")
    def _pair(self) -> "ApiTls":
        if (self.key or self.passphrase) and self.certificate is None:
            raise ValueError("a key goes with a `certificate`")
        return self


class HttpTarget(AnyTarget):
    """An API. Steps say what comes behind ``url``; nothing leads to another host.

    Loopback and link-local addresses, among them the metadata services of clouds, are refused when
    the host's name leads there, unless ``allow_private``; an address that stands in ``url`` itself
    is meant.
    """

    connector: Literal["http"]
    url: Annotated[str, AfterValidator(_base)]
    auth: ApiAuth | None = None
    tls: ApiTls | None = None
    allow_private: bool = False

    @model_validator(mode="after")
    def _no_secret_in_the_clear(self) -> "HttpTarget":
        parts = urlsplit(self.url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if self.auth is not None and parts.scheme == "http" and not local:
            raise ValueError("credentials go over https only")
        if self.tls is not None and parts.scheme == "http":
            raise ValueError("`tls` goes with an https URL")
        return self
