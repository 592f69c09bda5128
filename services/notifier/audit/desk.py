"""A desk that writes down what came of each answer, by whatever channel it arrives."""

from collections.abc import Collection, Mapping

import structlog

from services.notifier.approval import Approval
from services.notifier.audit.entry import NOWHERE, Action, Entry, Origin, Trail
from services.notifier.choice import Choice
from services.notifier.desk import Clock, Desk, Handed, nothing
from services.notifier.inquiry import Inquiry
from services.notifier.links import Link
from services.notifier.question import (
    AlreadyAnswered,
    AlreadyDecided,
    Expired,
    NotAsked,
    NotOffered,
    Q,
    Question,
    Recorded,
    Refused,
)
from services.notifier.store import Questions
from shared.errors import UnavailableError
from shared.events import Answer
from shared.oncall.keeping import Rosters
from shared.signing import Signer

log = structlog.get_logger(__name__)


class WitnessedDesk(Desk):
    """See ``Desk``; ``origin`` is where an answer came from.

    What came of it is written down after it counts. Where that fails, the answer stands all the
    same: the click was written down before, and the signed answer is in the question.
    """

    def __init__(
        self,
        questions: Questions,
        signer: Signer,
        now: Clock,
        rosters: Rosters | None = None,
        *,
        trail: Trail,
        handed: Handed = nothing,
        people: Collection[str] | None = None,
    ) -> None:
        super().__init__(questions, signer, now, rosters, handed=handed, people=people)
        self._trail = trail

    async def saw(
        self, action: Action, question: Question, link: Link, origin: Origin, detail: str = ""
    ) -> None:
        """Write down that a recipient saw a question, or pressed something.

        Raises:
            UnavailableError: it could not be.
        """
        entry = Entry.of(action, question, link, origin, at=self._now(), detail=detail)
        await self._trail.add(entry)

    async def answer(
        self,
        approval: Approval,
        link: Link,
        answer: Answer,
        *,
        reason: str,
        origin: Origin = NOWHERE,
    ) -> Recorded[Approval] | Refused:
        outcome = await super().answer(approval, link, answer, reason=reason)
        return await self._witnessed(approval, link, origin, answer.value, outcome)

    async def propose(
        self,
        approval: Approval,
        link: Link,
        given: Mapping[str, str],
        *,
        reason: str,
        origin: Origin = NOWHERE,
    ) -> Recorded[Approval] | Refused:
        outcome = await super().propose(approval, link, given, reason=reason)
        wanted = ", ".join(f"{name}={value}" for name, value in given.items())
        return await self._witnessed(approval, link, origin, f"change {wanted}", outcome)

    async def choose(
        self,
        choice: Choice,
        link: Link,
        runbook: str | None,
        *,
        reason: str,
        origin: Origin = NOWHERE,
    ) -> Recorded[Choice] | Refused:
        outcome = await super().choose(choice, link, runbook, reason=reason)
        return await self._witnessed(choice, link, origin, f"choose {runbook or 'none'}", outcome)

    async def reply(
        self, inquiry: Inquiry, link: Link, given: Mapping[str, str], *, origin: Origin = NOWHERE
    ) -> Recorded[Inquiry] | Refused:
        outcome = await super().reply(inquiry, link, given)
        return await self._witnessed(inquiry, link, origin, "reply", outcome)

    async def refuse(
        self, inquiry: Inquiry, link: Link, *, reason: str, origin: Origin = NOWHERE
    ) -> Recorded[Inquiry] | Refused:
        outcome = await super().refuse(inquiry, link, reason=reason)
        return await self._witnessed(inquiry, link, origin, "nobody answers", outcome)

    async def _witnessed(
        self, question: Q, link: Link, origin: Origin, said: str, outcome: Recorded[Q] | Refused
    ) -> Recorded[Q] | Refused:
        action = Action.DECIDED if isinstance(outcome, Recorded) else Action.REFUSED
        objection = _objection(outcome)
        detail = f"{said}: {objection}" if objection else said
        try:
            await self.saw(action, question, link, origin, detail)
        except UnavailableError as error:
            log.warning("audit.unwritten", approval_id=str(question.id), reason=str(error))
        return outcome


def _objection(outcome: Recorded[Q] | Refused) -> str:
    match outcome:
        case NotAsked(reason=reason) | NotOffered(reason=reason):
            return reason
        case AlreadyAnswered():
            return "this person has answered before"
        case AlreadyDecided(state=state):
            return f"it is {state.value} already"
        case Expired():
            return "the time to answer is over"
        case Recorded():
            return ""
