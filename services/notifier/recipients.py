"""Who is told of something, and how far that got."""

from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.links import TERMINAL, Channel


class Status(StrEnum):
    """How far a message to one recipient got; what ``bounced`` was sent, and came back."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    BOUNCED = "bounced"


class Recipient(BaseModel):
    """One recipient: a person on one channel, or a room.

    ``email`` says who, also where the message goes elsewhere; it is ``terminal`` where nobody is
    configured, and `#` with the channel's name for a room. ``via`` is a channel of handrail.yaml
    (mail where it is empty), ``address`` where in that channel, ``reference`` what the channel
    calls the message that it sent. ``round`` is empty when it asks for the first time, else the key
    of the stage of the route that asks again, or asks somebody else. ``stands_for`` is the name of
    who is away, where this one is asked instead.
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
    round: str = ""
    stands_for: str = ""

    @classmethod
    def room(cls, channel: str, *, address: str = "", name: str = "") -> Self:
        """Everybody in a room of a channel."""
        return cls(name=name or channel, email=f"#{channel}", via=channel, address=address)

    @classmethod
    def at_terminal(cls) -> Self:
        return cls(name=TERMINAL, email=TERMINAL)

    def as_sent(self) -> Self:
        """This one, told."""
        return self.model_copy(update={"status": Status.SENT})

    @property
    def is_lost(self) -> bool:
        """Whether the message does not reach them, and never will."""
        return self.status in {Status.FAILED, Status.BOUNCED}

    @property
    def is_room(self) -> bool:
        return self.email.startswith("#")

    @property
    def over(self) -> str:
        """The name of the channel: of handrail.yaml, or ``email`` or ``terminal``."""
        return self.via or self.channel.value

    @property
    def key(self) -> str:
        """What tells this message from the others about the same."""
        to = f"{self.via}/{self.email}" if self.via else self.email
        return f"{to}+{self.round}" if self.round else to

    @property
    def channel(self) -> Channel:
        """What a link to this recipient is good for."""
        if self.is_room:
            return Channel.ROOM
        if self.email == TERMINAL:
            return Channel.TERMINAL
        return Channel.CHAT if self.via else Channel.EMAIL
