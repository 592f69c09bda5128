"""Secrets that a source sends along, as they are, in a header."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Bearer:
    """The token that a source sends as ``Authorization: Bearer …``."""

    token: str

    name: ClassVar[str] = "authorization"
    challenge: ClassVar[str] = 'Bearer realm="handrail"'

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the header, with its bytes as Latin-1, is the one that is expected."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _same(_raw(token.strip()), self.token)


@dataclass(frozen=True)
class Basic:
    """The name and password that a source sends as ``Authorization: Basic …``."""

    username: str
    password: str

    name: ClassVar[str] = "authorization"
    challenge: ClassVar[str] = 'Basic realm="handrail", charset="UTF-8"'

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the header, with its bytes as Latin-1, is the one that is expected."""
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            said = base64.b64decode(_raw(encoded.strip()), validate=True)
        except binascii.Error:
            return False
        return _same(said, f"{self.username}:{self.password}")


@dataclass(frozen=True)
class HeaderToken:
    """The token that a source sends in a header of its own; ``name`` is in lower case."""

    name: str
    token: str

    challenge: ClassVar[str] = ""

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the header, with its bytes as Latin-1, is the one that is expected."""
        return _same(_raw(headers.get(self.name, "")), self.token)


def _raw(header: str) -> bytes:
    """A header's bytes as they were sent; the server decodes them as Latin-1."""
    return header.encode("latin-1", errors="replace")


def _same(said: bytes, expected: str) -> bool:
    return hmac.compare_digest(said, expected.encode())
