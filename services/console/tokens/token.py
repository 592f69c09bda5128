"""API tokens: what they look like, what is kept of them, and what each role may do. Pure."""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from shared.errors import HandrailError

_ALPHABET: Final = string.digits + string.ascii_letters
_ID_ALPHABET: Final = string.digits + string.ascii_lowercase
_ID_LENGTH: Final = 8
# 62 ** 43 is more than 2 ** 256.
_SECRET_LENGTH: Final = 43
_WRITTEN: Final = re.compile(rf"hrt_([0-9a-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}")


class Role(StrEnum):
    """What a token is allowed; each may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether who has this role may do what another one is needed for."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class TokenExistsError(HandrailError):
    """There is a token of that name already."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is a token {name}: `handrail token revoke {name}`, or another name"
        )


class NoTokenError(HandrailError):
    """There is no token of that name that could be revoked."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no token {name}: `handrail token list` shows what there is")


@dataclass(frozen=True)
class Written:
    """A token as its owner has it: ``id`` finds it, and who has the whole text is its owner.

    Of the text only its SHA-256 is kept. A slow hash would add nothing: it makes guessing dear, and
    256 random bits are not guessed.
    """

    id: str
    digest: str

    @classmethod
    def of(cls, text: str) -> Self | None:
        """What somebody sent, if it looks like a token."""
        found = _WRITTEN.fullmatch(text)
        return cls(found[1], hashlib.sha256(text.encode()).hexdigest()) if found else None


def new_text() -> str:
    """A token that nobody has: ``hrt_``, the id, and 256 random bits."""
    return f"hrt_{_random(_ID_ALPHABET, _ID_LENGTH)}_{_random(_ALPHABET, _SECRET_LENGTH)}"


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass(frozen=True)
class Token:
    """What is kept of a token; ``used_at`` is right to the minute."""

    id: str
    name: str
    role: Role
    digest: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    used_at: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Whether it lets anybody in."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class Caller:
    """Who asks, and from where."""

    name: str
    role: Role
    token_id: str
    address: str = ""

    @property
    def by(self) -> str:
        """As whom it is written down."""
        return f"api:{self.name}"
