"""What people are asked, whatever it is about: who is asked, until when, and how it stands."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.links import TERMINAL, Channel
from services.notifier.recipients import Recipient
from services.notifier.routing.state import Routing
from shared.events import Choosing, Decision, Event, Proposal, Reply
from shared.lifecycle import ApprovalState, Severity

Said = Decision | Choosing | Reply


class Question(BaseModel):
    """A question that is settled once; ``trace`` is the trace that it belongs to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    state: ApprovalState = ApprovalState.PENDING
    ticket_id: UUID
    ticket_title: str
    severity: Severity
    recipients: tuple[Recipient, ...]
    created_at: AwareDatetime
    expires_at: AwareDatetime
    settled_at: AwareDatetime | None = None
    trace: str = ""
    routing: Routing | None = None

    @property
    @abstractmethod
    def bound_to(self) -> str:
        """The digest of exactly what is asked, which links and signatures are bound to."""

    @property
    @abstractmethod
    def answers(self) -> Sequence[Said]:
        """What people have said so far."""

    @abstractmethod
    def outcome(self, *, expiry: str = "") -> Event | None:
        """What has to be told of a question in this state, if anything.

        Args:
            expiry: the signature over an expiry, which no person signs.
        """

    def open_at(self, now: datetime) -> bool:
        """Whether an answer would still count."""
        return self.state is ApprovalState.PENDING and now < self.expires_at

    def answer_of(self, by: str, channel: str) -> Said | None:
        """What this person has said already."""
        asked = _person(by, channel)
        return next(
            (said for said in self.answers if _person(said.by, said.channel) == asked), None
        )


Q = TypeVar("Q", bound=Question)


@dataclass(frozen=True)
class Recorded(Generic[Q]):
    """The answer counts; ``question`` is as it has become."""

    question: Q


@dataclass(frozen=True)
class AlreadyAnswered:
    """This person has answered before, and that stands."""

    said: Said


@dataclass(frozen=True)
class AlreadyDecided:
    """It was settled before this answer came."""

    state: ApprovalState


@dataclass(frozen=True)
class Expired:
    """The time to answer is over."""


@dataclass(frozen=True)
class NotAsked:
    """This person's yes does not count; ``reason`` says why, and whose would."""

    reason: str


@dataclass(frozen=True)
class NotOffered:
    """That is nothing to choose; ``reason`` says what to choose instead, or what hinders it."""

    reason: str


TooLate = AlreadyAnswered | AlreadyDecided | Expired
Refused = TooLate | NotAsked | NotOffered


def speaker(said: Said, names: Mapping[str, str]) -> str:
    """Who said it, in whose place, and whether in advance, by the names that people have."""
    by = names.get(said.by, said.by)
    if not isinstance(said, Decision):
        return by
    if said.delegation is not None:
        of = said.delegation.of
        return f"{by} for {names.get(of, of)}"
    return f"{by} (in advance)" if said.window is not None else by


def too_late(question: Question, said: Said | Proposal, *, now: datetime) -> TooLate | None:
    """Why an answer does not count any more, if so."""
    before = question.answer_of(said.by, said.channel)
    if before is not None:
        return AlreadyAnswered(before)
    if question.state is ApprovalState.EXPIRED:
        return Expired()
    if question.state is not ApprovalState.PENDING:
        return AlreadyDecided(question.state)
    return Expired() if now >= question.expires_at else None


def expired(question: Q, *, now: datetime) -> Q:
    """The question after nobody, or too few, answered in time."""
    return question.model_copy(update={"state": ApprovalState.EXPIRED, "settled_at": now})


def _person(by: str, channel: str) -> str:
    # Nobody can tell who sits at a terminal, so all of its answers are those of one person.
    return TERMINAL if channel == Channel.TERMINAL else by.casefold()
