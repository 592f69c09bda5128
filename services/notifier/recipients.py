"""Who is told of something, and how far that got."""

from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.links import TERMINAL, Channel


class Status(StrEnum):
    """How far a message to one recipient got."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class Recipient(BaseModel):
    """One recipient: a person on one channel, or a room.

    ``email`` says who, also where the message goes elsewhere; it is ``terminal`` where nobody is
    configured, and `#` with the channel's name for a room. ``via`` is a channel of handrail.yaml
    (mail where it is empty), ``address`` where in that channel, ``reference`` what the channel
    calls the message that it sent.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    email: str
    status: Status = Status.QUEUED
    tries: int = 0
    at: AwareDatetime | None = None
    error: str = ""
    via: str = ""
    address: str = ""
    reference: str = ""
    timezone: str = ""

    @classmethod
    def room(cls, channel: str, *, address: str = "", name: str = "") -> Self:
        """Everybody in a room of a channel."""
        return cls(name=name or channel, email=f"#{channel}", via=channel, address=address)

    @classmethod
    def at_terminal(cls) -> Self:
        return cls(name=TERMINAL, email=TERMINAL)

    @property
    def is_room(self) -> bool:
        return self.email.startswith("#")

    @property
    def over(self) -> str:
        """The name of the channel: of handrail.yaml, or ``email`` or ``terminal``."""
        return self.via or self.channel.value

    @property
    def key(self) -> str:
        """What tells this recipient from the others of the same message."""
        return f"{self.via}/{self.email}" if self.via else self.email

    @property
    def channel(self) -> Channel:
        """What a link to this recipient is good for."""
        if self.is_room:
            return Channel.ROOM
        if self.email == TERMINAL:
            return Channel.TERMINAL
        return Channel.CHAT if self.via else Channel.EMAIL
