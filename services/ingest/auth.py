"""Whether a webhook comes from the source that it names."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import ClassVar

from shared.config import SourceConfig


@dataclass(frozen=True)
class Bearer:
    """The token that a source sends as ``Authorization: Bearer …``."""

    token: str

    challenge: ClassVar[str] = 'Bearer realm="handrail"'

    def admits(self, authorization: str) -> bool:
        """Whether the header, with its bytes as Latin-1, is the one that is expected."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and _same(_raw(token.strip()), self.token)


@dataclass(frozen=True)
class Basic:
    """The name and password that a source sends as ``Authorization: Basic …``."""

    username: str
    password: str

    challenge: ClassVar[str] = 'Basic realm="handrail", charset="UTF-8"'

    def admits(self, authorization: str) -> bool:
        """Whether the header, with its bytes as Latin-1, is the one that is expected."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            said = base64.b64decode(_raw(encoded.strip()), validate=True)
        except binascii.Error:
            return False
        return _same(said, f"{self.username}:{self.password}")


Proof = Bearer | Basic


def proof(config: SourceConfig) -> Proof:
    """What a source has to show.

    Raises:
        SettingsError: its secret is not where the configuration says.
    """
    if config.basic is not None:
        password = config.basic.password.read().get_secret_value()
        return Basic(config.basic.username, password)
    if config.bearer is None:
        raise ValueError("a source has a bearer token or a basic password")
    return Bearer(config.bearer.read().get_secret_value())


def _raw(header: str) -> bytes:
    """A header's bytes as they were sent; the server decodes them as Latin-1."""
    return header.encode("latin-1", errors="replace")


def _same(said: bytes, expected: str) -> bool:
    return hmac.compare_digest(said, expected.encode())
