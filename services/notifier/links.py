"""Links to questions: each is a capability, made for one recipient of one approval or choice.

A program on this machine (the ``handrail`` command) may make one for the person at the terminal::

    link = Link.to(approval_id, step_hash, expires_at, recipient=user, channel=Channel.TERMINAL)
    httpx.post(url(link, key=Signer(secret).link_key(), public_url=public_url), json=…)
"""

import hashlib
import math
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.errors import HandrailError

#: Who is asked where nobody is configured: whoever sits at the terminal.
TERMINAL: Final = "terminal"

_SALT: Final = b"handrail/approval"
# As much of the hash as nobody finds a second step for within the life of a link.
_STEP_LENGTH: Final = 16
# The longest address there may be, and what is around it, encoded.
_TOKEN_LENGTH: Final = 1024


class Channel(StrEnum):
    """How a link reached its recipient.

    A link that was shown to a whole room answers nothing: it could have been anybody.
    """

    EMAIL = "email"
    TERMINAL = "terminal"
    CHAT = "chat"
    SLACK = "slack"
    TELEGRAM = "telegram"
    ROOM = "room"


class BadLinkError(HandrailError):
    """A token is forged, altered, expired, or no token."""


class Link(BaseModel):
    """What a token says; ``step`` is the beginning of the digest of the step, or of the options."""

    model_config = ConfigDict(frozen=True)

    approval_id: UUID
    recipient: str
    channel: Channel
    step: str
    expires_at: AwareDatetime

    @classmethod
    def to(
        cls,
        approval_id: UUID,
        step_hash: str,
        expires_at: datetime,
        *,
        recipient: str,
        channel: Channel,
    ) -> Self:
        """The link for one recipient: an email address, or the name of a user at the terminal."""
        return cls(
            approval_id=approval_id,
            recipient=recipient,
            channel=channel,
            step=step_hash[:_STEP_LENGTH],
            # Tokens count whole seconds; the approval itself ends at its own time.
            expires_at=datetime.fromtimestamp(math.ceil(expires_at.timestamp()), UTC),
        )

    def leads_to(self, approval_id: UUID, step_hash: str) -> bool:
        """Whether this is a link to exactly this step's approval."""
        return self.approval_id == approval_id and self.step == step_hash[:_STEP_LENGTH]


def make(link: Link, *, key: bytes) -> str:
    """The token of a link, safe in a URL; the same link always has the same token."""
    said = {
        "a": link.approval_id.hex,
        "r": link.recipient,
        "c": link.channel.value,
        "s": link.step,
        "e": int(link.expires_at.timestamp()),
    }
    return str(_serializer(key).dumps(said))


def read(token: str, *, key: bytes, now: datetime) -> Link:
    """What a token says.

    Raises:
        BadLinkError: whatever is wrong with it; the caller must not tell which.
    """
    if len(token) > _TOKEN_LENGTH:
        raise BadLinkError("the token is too long")
    try:
        said: dict[str, Any] = _serializer(key).loads(token)
        link = Link(
            approval_id=UUID(hex=said["a"]),
            recipient=said["r"],
            channel=said["c"],
            step=said["s"],
            expires_at=datetime.fromtimestamp(said["e"], UTC),
        )
    except (BadData, ValidationError, KeyError, TypeError, ValueError) as error:
        raise BadLinkError("the token is not one of ours") from error
    if link.expires_at <= now:
        raise BadLinkError("the link has expired")
    return link


def url(link: Link, *, key: bytes, public_url: str) -> str:
    """The address of the page, where GET shows and POST decides."""
    return f"{public_url.rstrip('/')}/a/{make(link, key=key)}"


def _serializer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(
        key,
        salt=_SALT,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
