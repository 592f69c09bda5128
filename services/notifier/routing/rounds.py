"""Rounds: telling people of questions, stage by stage, each once, whatever dies in between.

Every round is claimed in the question's document before anything is sent, together with whom it
tells. A replica that dies leaves its claim, and another goes on with what was not sent when that
has run out. Nothing is kept in memory between two rounds.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

import stamina
import structlog

from services.notifier.channels.message import Asking
from services.notifier.channels.reports import raise_for_unsent
from services.notifier.delivery import Postman
from services.notifier.linking import Linking
from services.notifier.question import Q, Question
from services.notifier.recipients import Recipient, Status
from services.notifier.routing.matching import Matched
from services.notifier.routing.planning import Planner
from services.notifier.routing.reporting import reported
from services.notifier.routing.state import Routing
from services.notifier.routing.store import Claims
from services.notifier.store import Questions
from shared.bus import Publish
from shared.errors import UnavailableError
from shared.lifecycle import ApprovalState
from shared.oncall.keeping import Rosters
from shared.oncall.roster import Roster

log = structlog.get_logger(__name__)

#: How long a message waits for another try: twice as long each time, and at most the second.
_AGAIN: Final = (timedelta(seconds=5), timedelta(minutes=5))
#: So few questions come as they are.
_TOGETHER: Final = 2


class _BusyError(UnavailableError):
    """Somebody is telling people of the question just now."""


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
        planner: Planner,
        linking: Linking,
        postman: Postman,
        rosters: Rosters,
        now: Callable[[], datetime],
    ) -> None:
        self._claims = claims
        self._questions = questions
        self._planner = planner
        self._linking = linking
        self._postman = postman
        self._rosters = rosters
        self._now = now

    @property
    def teams(self) -> Mapping[str, tuple[str, ...]]:
        """The teams of handrail.yaml: the addresses of their members."""
        return self._planner.chooser.teams

    async def begin(self, asked: Q, match: Matched, publish: Publish) -> None:
        """Store a new question with its route, and tell whoever is told at once.

        A redelivery goes on where the earlier one was broken off.

        Raises:
            UnavailableError: somebody could not be told for now; or the store does not answer.
        """
        owner = uuid4().hex
        roster = await self._rosters.roster()
        question = await self._questions.open(
            self._planner.asked(asked, match, roster, owner=owner)
        )
        routing = question.routing
        if routing is None or not question.open_at(self._now()):
            await self._give_up(question, publish)
        elif routing.owner == owner:
            log.info("question.routed", route=match.route.name, question_id=str(question.id))
            raise_for_unsent(
                await self._tell(self._first(question, routing, owner, roster), publish)
            )
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

    async def also(self, question_id: UUID, people: Iterable[Recipient], publish: Publish) -> None:
        """Tell more people of a question that is open, beside its route.

        Raises:
            UnavailableError: the store does not answer, or somebody tells people for too long.
        """
        more = tuple(people)
        async for again in stamina.retry_context(on=_BusyError, attempts=20, wait_max=1):
            with again:
                claimed = await self._taken_for(question_id, more)
        if claimed is not None:
            await self._tell(claimed, publish)

    async def _taken_for(self, question_id: UUID, people: Iterable[Recipient]) -> Round | None:
        """A round for these people alone, claimed; None where nobody has to be told any more."""
        question, now = await self._questions.find(question_id), self._now()
        if question is None or question.routing is None or not question.open_at(now):
            return None
        told = {(to.via, to.email.casefold()) for to in question.recipients}
        more = tuple(to for to in people if (to.via, to.email.casefold()) not in told)
        if not more:
            return None
        owner, seen = uuid4().hex, question.routing
        if not await self._claims.take(
            question.id, seen, owner=owner, done=seen.done, more=more, now=now
        ):
            raise _BusyError(f"question {question_id} is being told of")
        # What its route wants next is looked at right after it.
        whole = question.model_copy(update={"recipients": (*question.recipients, *more)})
        return Round(whole, owner, now)

    def _first(self, question: Question, routing: Routing, owner: str, roster: Roster) -> Round:
        """The round that was stored with the question; what came due since is left for the next."""
        plan = self._planner.plan(question, routing, roster, question.created_at)
        return Round(question, owner, plan.next_at)

    async def _go_on(self, question: Question, roster: Roster, publish: Publish) -> None:
        if question.routing is None:
            return
        claimed = await self._taken(question, question.routing, roster)
        if claimed is not None:
            await self._tell(claimed, publish)

    async def _taken(self, question: Question, routing: Routing, roster: Roster) -> Round | None:
        """The next round, claimed; None where another replica is at it, or it is settled."""
        owner, now = uuid4().hex, self._now()
        plan = self._planner.plan(question, routing, roster, now, told=question.recipients)
        taken = await self._claims.take(
            question.id, routing, owner=owner, done=plan.done, more=plan.more, now=now
        )
        if not taken:
            return None
        for stage in plan.stages:
            log.info("question.stage_reached", stage=stage.key, question_id=str(question.id))
        whole = question.model_copy(update={"recipients": (*question.recipients, *plan.more)})
        return Round(whole, owner, plan.next_at)

    async def _tell(
        self, claimed: Round, publish: Publish, *, tried: Collection[str] = ()
    ) -> tuple[Recipient, ...]:
        """Send what is queued, but for what was ``tried``, say what came of it, and rest.

        Where somebody was not reached, it is looked at once more at once, for whom to tell instead.
        """
        question = claimed.question
        queued = {to.key for to in claimed.queued} | set(tried)
        next_at: datetime | None = self._now()
        try:
            sent = await self._postman.deliver(
                [self._asking(question, to) for to in question.recipients if to.key not in tried],
                now=self._now(),
                mark=partial(self._questions.mark, question.id),
            )
            told = (*(to for to in question.recipients if to.key in tried), *sent)
            await publish(*reported(question, told))
            lost = any(to.is_lost for to in told if to.key in queued)
            next_at = self._now() if lost else self._next(claimed, told)
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
            tried = {key for owner, key in settled if owner == claimed.owner}
            await self._tell(replace(claimed, question=question), publish, tried=tried)

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
