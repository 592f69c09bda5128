"""Whether a webhook comes from the source that it names."""

import base64
import binascii
import hmac
from dataclasses import dataclass

from shared.config import SourceConfig


@dataclass(frozen=True)
class Bearer:
    """The token that a source sends as ``Authorization: Bearer …``."""

    token: str

    def admits(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and _same(token.strip(), self.token)


@dataclass(frozen=True)
class Basic:
    """The name and password that a source sends as ``Authorization: Basic …``."""

    username: str
    password: str

    def admits(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            said = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(said, f"{self.username}:{self.password}".encode())


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


def _same(said: str, expected: str) -> bool:
    return hmac.compare_digest(said.encode(), expected.encode())
