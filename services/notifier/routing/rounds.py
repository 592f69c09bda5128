"""Rounds: telling people of questions, stage by stage, each once, whatever dies in between.

Every round is claimed in the question's document before anything is sent, together with whom it
tells. A replica that dies leaves its claim, and another goes on with what was not sent when that
has run out. Nothing is kept in memory between two rounds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import uuid4

import structlog

from services.notifier.approval import Approval
from services.notifier.channels.message import Asking
from services.notifier.channels.reports import raise_for_unsent
from services.notifier.choice import Choice
from services.notifier.delivery import Postman
from services.notifier.linking import Linking
from services.notifier.question import Q, Question
from services.notifier.recipients import Recipient, Status
from services.notifier.routing import timing
from services.notifier.routing.choosing import Chooser, Circle
from services.notifier.routing.matching import Matched
from services.notifier.routing.reporting import reported
from services.notifier.routing.state import Routing
from services.notifier.routing.store import Claims
from services.notifier.routing.timing import Due
from services.notifier.store import Questions
from shared.bus import Publish
from shared.lifecycle import ApprovalState, Risk
from shared.oncall.keeping import Rosters
from shared.oncall.roster import Roster
from shared.policy.voters import Voters

log = structlog.get_logger(__name__)

#: How long a message waits for another try: twice as long each time, and at most the second.
_AGAIN: Final = (timedelta(seconds=5), timedelta(minutes=5))
#: So few questions come as they are.
_TOGETHER: Final = 2


@dataclass(frozen=True)
class Round:
    """A round of one question that is claimed; the question has whom it tells."""

    question: Question
    owner: str
    next_at: datetime | None

    @property
    def queued(self) -> list[Recipient]:
        return [to for to in self.question.recipients if to.status is Status.QUEUED]


class Rounds:
    """Tells people of questions."""

    def __init__(
        self,
        *,
        claims: Claims,
        questions: Questions,
        chooser: Chooser,
        linking: Linking,
        postman: Postman,
        rosters: Rosters,
        now: Callable[[], datetime],
    ) -> None:
        self._claims = claims
        self._questions = questions
        self._chooser = chooser
        self._linking = linking
        self._postman = postman
        self._rosters = rosters
        self._now = now

    async def begin(self, asked: Q, match: Matched, publish: Publish) -> None:
        """Store a new question with its route, and tell whoever is told at once.

        A redelivery goes on where the earlier one was broken off.

        Raises:
            UnavailableError: somebody could not be told for now; or the store does not answer.
        """
        owner = uuid4().hex
        roster = await self._rosters.roster()
        question = await self._questions.open(self._prepared(asked, match, owner, roster))
        routing = question.routing
        if routing is None or not question.open_at(self._now()):
            await self._give_up(question, publish)
        elif routing.owner == owner:
            log.info("question.routed", route=match.route.name, question_id=str(question.id))
            raise_for_unsent(await self._tell(self._first(question, owner), publish))
        else:
            claimed = await self._taken(question, routing, roster)
            if claimed is not None:
                raise_for_unsent(await self._tell(claimed, publish))

    async def look(self, publish: Publish) -> None:
        """Go on with what is due, also with what others have left.

        Raises:
            UnavailableError: the store does not answer.
        """
        found = await self._claims.due(self._now())
        if not found:
            return
        roster = await self._rosters.roster()
        gathered: dict[str, list[Question]] = defaultdict(list)
        for question in found:
            if question.routing is not None and question.routing.digest:
                gathered[question.routing.digest].append(question)
            else:
                await self._go_on(question, roster, publish)
        for digest, together in gathered.items():
            if await self._claims.gather(digest, uuid4().hex, self._now()):
                await self._tell_together(together, roster, publish)

    def _prepared(self, asked: Q, match: Matched, owner: str, roster: Roster) -> Q:
        """The question with its route, claimed, and whom it tells at once."""
        now = asked.created_at
        about = timing.Question(asked.severity, risk_of(asked), now, asked.expires_at)
        routing = Routing.begun(match.route, about, owner=owner, now=now)
        what = timing.due(match.route, about, (), now)
        if now >= asked.expires_at:
            # Nobody is told any more, and who is not told is told to the other services.
            what = replace(what, stages=timing.stages(match.route, about)[:1])
        recipients = self._chosen(what, asked, routing, roster, told=())
        routing = routing.model_copy(update={"done": _done(what)})
        return asked.model_copy(update={"routing": routing, "recipients": recipients})

    def _first(self, question: Question, owner: str) -> Round:
        what = self._due(question, question.routing) if question.routing else None
        return Round(question, owner, what.next_at if what else None)

    async def _go_on(self, question: Question, roster: Roster, publish: Publish) -> None:
        if question.routing is None:
            return
        claimed = await self._taken(question, question.routing, roster)
        if claimed is not None:
            await self._tell(claimed, publish)

    async def _taken(self, question: Question, routing: Routing, roster: Roster) -> Round | None:
        """The next round, claimed; None where another replica is at it, or it is settled."""
        owner, what = uuid4().hex, self._due(question, routing)
        more = self._chosen(what, question, routing, roster, told=question.recipients)
        taken = await self._claims.take(
            question.id, routing, owner=owner, done=_done(what), more=more, now=self._now()
        )
        if not taken:
            return None
        for stage in what.stages:
            log.info("question.stage_reached", stage=stage.key, question_id=str(question.id))
        whole = question.model_copy(update={"recipients": (*question.recipients, *more)})
        return Round(whole, owner, what.next_at)

    def _due(self, question: Question, routing: Routing) -> Due:
        about = routing.question(question.severity, question.created_at, question.expires_at)
        return timing.due(routing.route, about, routing.done, self._now())

    def _chosen(
        self,
        what: Due,
        question: Question,
        routing: Routing,
        roster: Roster,
        *,
        told: Sequence[Recipient],
    ) -> tuple[Recipient, ...]:
        voters = question.voters if isinstance(question, Approval) else Voters()
        circle = Circle(voters, roster, question.created_at, self._now())
        answered = {said.by.casefold() for said in question.answers}
        chosen: tuple[Recipient, ...] = ()
        for stage in what.stages:
            chosen += self._chooser.chosen(
                stage, circle, route=routing.route.name, told=(*told, *chosen), answered=answered
            )
        return chosen

    async def _tell(self, claimed: Round, publish: Publish) -> tuple[Recipient, ...]:
        """Send what is queued, say what came of it, and give the claim back."""
        question = claimed.question
        next_at: datetime | None = self._now()
        try:
            told = await self._postman.deliver(
                [self._asking(question, to) for to in question.recipients],
                now=self._now(),
                mark=partial(self._questions.mark, question.id),
            )
            await publish(*reported(question, told))
            next_at = self._next(claimed, told)
        finally:
            # Also where that failed: whoever looks next goes on with what is left.
            await self._claims.rest(question.id, claimed.owner, next_at)
        return told

    async def _tell_together(
        self, questions: Iterable[Question], roster: Roster, publish: Publish
    ) -> None:
        """Tell of several questions, each person who has several of them by one mail."""
        rounds = [
            claimed
            for question in questions
            if question.routing is not None
            and (claimed := await self._taken(question, question.routing, roster)) is not None
        ]
        by_person: dict[str, list[tuple[Round, Recipient]]] = defaultdict(list)
        for claimed in rounds:
            for to in claimed.queued:
                by_person[to.key].append((claimed, to))
        settled: dict[tuple[str, str], Recipient] = {}
        for several in by_person.values():
            if len(several) >= _TOGETHER and self._postman.gathers(several[0][1]):
                settled |= await self._one_mail(several)
        for claimed in rounds:
            after = tuple(
                settled.get((claimed.owner, to.key), to) for to in claimed.question.recipients
            )
            question = claimed.question.model_copy(update={"recipients": after})
            await self._tell(replace(claimed, question=question), publish)

    async def _one_mail(
        self, several: Sequence[tuple[Round, Recipient]]
    ) -> Mapping[tuple[str, str], Recipient]:
        askings = [self._asking(claimed.question, to) for claimed, to in several]
        after = await self._postman.gather(askings, now=self._now())
        settled = {}
        for (claimed, _), to in zip(several, after, strict=True):
            await self._questions.mark(claimed.question.id, to)
            settled[claimed.owner, to.key] = to
        return settled

    async def _give_up(self, question: Question, publish: Publish) -> None:
        """Where it is too late, nobody is asked any more."""
        if question.state not in {ApprovalState.PENDING, ApprovalState.EXPIRED}:
            return
        told = await self._postman.give_up(
            question.recipients,
            now=self._now(),
            mark=partial(self._questions.mark, question.id),
        )
        await publish(*reported(question, told))

    def _asking(self, question: Question, to: Recipient) -> Asking:
        return Asking(question, to, self._linking.link_for(to, question))

    def _next(self, claimed: Round, told: Iterable[Recipient]) -> datetime | None:
        tries = [to.tries for to in told if to.status is Status.QUEUED]
        if not tries:
            return claimed.next_at
        first, most = _AGAIN
        wait: timedelta = first * 2 ** min(max(tries) - 1, 10)
        again = self._now() + min(most, wait)
        return again if claimed.next_at is None else min(again, claimed.next_at)


def risk_of(question: Question) -> Risk | None:
    """How dangerous the most dangerous thing is that an answer may lead to."""
    match question:
        case Approval():
            return question.risk
        case Choice():
            risks = [option.risk for option in question.options if option.risk is not None]
            return max(risks, key=list(Risk).index, default=None)
    return None


def _done(what: Due) -> tuple[str, ...]:
    return (*(stage.key for stage in what.stages), *what.skipped)
