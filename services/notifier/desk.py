"""The desk: answers and expiries become recorded outcomes, each exactly once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from services.notifier.approval import BEGUN, Approval, decide
from services.notifier.changing.proposing import propose
from services.notifier.choice import Choice, choose
from services.notifier.inadvance.standins import standing_in
from services.notifier.inquiry import Inquiry, UnfitAnswerError, filled, reply
from services.notifier.links import Channel, Link
from services.notifier.question import (
    Expired,
    NotAsked,
    NotOffered,
    Q,
    Question,
    Recorded,
    Refused,
    expired,
)
from services.notifier.store import Questions
from shared.errors import UnavailableError
from shared.events import Answer, Choosing, Decision, Delegation, Event, Proposal, Reply
from shared.lifecycle import ApprovalState
from shared.oncall.keeping import Rosters
from shared.signing import Signer

log = structlog.get_logger(__name__)

_ANYBODY: Final = NotAsked("this link was shown to a whole room: answer by your own one")
_NOBODY: Final = NotAsked(
    "whom this link was made for is no longer under `people` in handrail.yaml"
)

Clock = Callable[[], datetime]
Handed = Callable[[str, datetime], Sequence[Delegation]]
"""What was handed to a person and stands at a time."""


def nothing(person: str, at: datetime) -> Sequence[Delegation]:  # noqa: ARG001 see Handed
    """Nobody hands anything to anybody."""
    return ()


class Desk:
    """Where people's answers arrive.

    ``people`` are the addresses of those who may answer by links of their own, in any case of their
    letters: nobody who is not among them any more. None is whoever has a link.
    """

    def __init__(
        self,
        questions: Questions,
        signer: Signer,
        now: Clock,
        rosters: Rosters | None = None,
        *,
        handed: Handed = nothing,
        people: Collection[str] | None = None,
    ) -> None:
        self._handed = handed
        self._people = None if people is None else frozenset(map(str.casefold, people))
        self._questions = questions
        self._signer = signer
        self._now = now
        self._rosters = rosters or Rosters()

    def now(self) -> datetime:
        """The time that answers are judged by."""
        return self._now()

    async def find(self, link: Link) -> Question | None:
        """What a link leads to, if it leads to something."""
        question = await self._questions.find(link.approval_id)
        if question is None or not link.leads_to(question.id, question.bound_to):
            return None
        return question

    async def answer(
        self, approval: Approval, link: Link, answer: Answer, *, reason: str
    ) -> Recorded[Approval] | Refused:
        """Record what the link's recipient says to a step, unless it is too late for that.

        Raises:
            UnavailableError: the store does not answer; whether it was recorded is not known.
        """
        if (barred := self._barred(link)) is not None:
            return barred
        if answer is Answer.WITHDRAW and await self.has_begun(approval):
            return BEGUN
        on_call = await self._rosters.roster()

        def judged(current: Approval, now: datetime) -> Recorded[Approval] | Refused:
            said = Decision(
                answer=answer,
                by=link.recipient,
                at=now,
                channel=link.channel.value,
                reason=reason,
                place=len(current.decisions),
            )
            handed = self._handed(link.recipient, now)
            said = standing_in(current, said, handed, on_call=on_call)
            signed = self._signer.signed(said, approval_id=current.id, step_hash=current.step_hash)
            return decide(current, signed, now=now, on_call=on_call)

        return await self._recorded(approval, judged)

    async def propose(
        self, approval: Approval, link: Link, given: Mapping[str, str], *, reason: str
    ) -> Recorded[Approval] | Refused:
        """Record that the link's recipient wants other values for a step; see ``answer``.

        Raises:
            UnavailableError: see there.
        """
        if (barred := self._barred(link)) is not None:
            return barred
        on_call = await self._rosters.roster()

        def judged(current: Approval, now: datetime) -> Recorded[Approval] | Refused:
            said = Proposal(
                values=dict(given),
                by=link.recipient,
                at=now,
                channel=link.channel.value,
                reason=reason,
            )
            handed = self._handed(link.recipient, now)
            yes = standing_in(current, said.as_yes, handed, on_call=on_call)
            signed = self._signer.signed_proposal(
                said.model_copy(update={"delegation": yes.delegation}),
                approval_id=current.id,
                step_hash=current.step_hash,
            )
            return propose(current, signed, now=now, on_call=on_call)

        return await self._recorded(approval, judged)

    async def next_of(self, question: Question) -> Question | None:
        """The request that takes the place of one, as soon as it is there."""
        if not isinstance(question, Approval) or question.superseded_by is None:
            return None
        return await self._questions.find(question.superseded_by)

    async def choose(
        self, choice: Choice, link: Link, runbook: str | None, *, reason: str
    ) -> Recorded[Choice] | Refused:
        """Record which runbook the link's recipient chooses, or none; see ``answer``.

        Raises:
            UnavailableError: see there.
        """
        if (barred := self._barred(link)) is not None:
            return barred

        def judged(current: Choice, now: datetime) -> Recorded[Choice] | Refused:
            said = Choosing(
                runbook=runbook,
                by=link.recipient,
                at=now,
                channel=link.channel.value,
                reason=reason,
            )
            signed = self._signer.signed_choice(said, choice_id=current.id, digest=current.digest)
            return choose(current, signed, now=now)

        return await self._recorded(choice, judged)

    async def reply(
        self, inquiry: Inquiry, link: Link, given: Mapping[str, str]
    ) -> Recorded[Inquiry] | Refused:
        """Record what the link's recipient filled in; see ``answer``.

        Raises:
            UnavailableError: see there.
        """
        try:
            values = filled(inquiry.fields, given)
        except UnfitAnswerError as error:
            return NotOffered(str(error))
        return await self._replied(inquiry, link, Reply(values=values, **self._by(link)))

    async def refuse(
        self, inquiry: Inquiry, link: Link, *, reason: str
    ) -> Recorded[Inquiry] | Refused:
        """Record that the link's recipient will not answer, and nobody is to; see ``answer``.

        Raises:
            UnavailableError: see there.
        """
        said = Reply(refused=True, reason=reason, **self._by(link))
        return await self._replied(inquiry, link, said)

    async def expire(self) -> None:
        """Settle what nobody answered in time."""
        for question in await self._questions.overdue(self._now()):
            if await self._settle(question, expired(question, now=self._now())):
                log.info("approval.expired", **_names(question))

    async def has_begun(self, question: Question) -> bool:
        """Whether what was agreed to has begun, so that no yes can be taken back any more.

        Raises:
            UnavailableError: the store does not answer.
        """
        if not isinstance(question, Approval) or question.state is not ApprovalState.APPROVED:
            return False
        return await self._questions.begun(question)

    def _barred(self, link: Link) -> NotAsked | None:
        """Why nobody answers by such a link at all."""
        if link.channel is Channel.ROOM:
            return _ANYBODY
        if self._people is None or link.channel is Channel.TERMINAL:
            return None
        return None if link.recipient.casefold() in self._people else _NOBODY

    def _by(self, link: Link) -> dict[str, Any]:
        return {"by": link.recipient, "at": self._now(), "channel": link.channel.value}

    async def _replied(
        self, inquiry: Inquiry, link: Link, said: Reply
    ) -> Recorded[Inquiry] | Refused:
        if (barred := self._barred(link)) is not None:
            return barred
        on_call = await self._rosters.roster()
        signed = self._signer.signed_reply(said, question_id=inquiry.id, digest=inquiry.digest)

        def judged(current: Inquiry, now: datetime) -> Recorded[Inquiry] | Refused:
            return reply(current, signed, now=now, on_call=on_call)

        return await self._recorded(inquiry, judged)

    async def _recorded(
        self, question: Q, judged: Callable[[Q, datetime], Recorded[Q] | Refused]
    ) -> Recorded[Q] | Refused:
        while True:
            outcome = judged(question, self._now())
            if not isinstance(outcome, Recorded):
                return outcome
            if await self._settle(question, outcome.question):
                return outcome
            # Somebody else's answer was recorded in between: judge again, with theirs.
            found = await self._questions.find(question.id)
            if not isinstance(found, type(question)):
                return Expired()
            question = found

    async def _settle(self, before: Question, after: Question) -> bool:
        expiry = self._signer.expiry(approval_id=after.id, step_hash=after.bound_to)
        event = after.outcome(expiry=expiry)
        events: list[Event] = [] if event is None else [event]
        if not await self._questions.record(before, after, events):
            return False
        log.info("approval.recorded", state=after.state.value, **_names(after))
        try:
            await self._questions.announce(after, events)
        except UnavailableError as error:
            # It is recorded, and that is what the person has to know; the sweep publishes it.
            log.warning("approval.unannounced", reason=str(error), **_names(after))
        return True


def _names(question: Question) -> dict[str, str]:
    names = {"approval_id": str(question.id), "ticket_id": str(question.ticket_id)}
    if isinstance(question, Approval | Inquiry):
        names |= {"session_id": str(question.session_id), "step_id": question.step_id}
    return names
