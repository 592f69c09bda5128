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
    """One recipient; ``email`` is ``terminal`` where nobody is configured."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    email: str
    status: Status = Status.QUEUED
    tries: int = 0
    at: AwareDatetime | None = None
    error: str = ""

    @classmethod
    def at_terminal(cls) -> Self:
        return cls(name=TERMINAL, email=TERMINAL)

    @property
    def channel(self) -> Channel:
        return Channel.TERMINAL if self.email == TERMINAL else Channel.EMAIL
