"""Where a ticket is planned and judged, with one and the same library from beginning to end."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from services.planner.choice import Choice, asked, settled
from services.planner.finding import successes
from services.planner.judging import Judge
from services.planner.meaning.learned import Learned
from services.planner.plan import Conclusion, Planner
from services.planner.query import query
from services.planner.requested import asked_by, drafted
from services.planner.undecided import Undecided
from shared.events import PlanChosen, PlanReady, PlanRequested, TicketEscalated, TicketTriaged
from shared.runbook import Library
from shared.signing import Signer


class Books(Protocol):
    """See ``versions.shelf.Shelf``."""

    @property
    def library(self) -> Library: ...


@dataclass(frozen=True)
class Desk:
    """Plans tickets with the runbooks that are active when it is asked.

    ``signer`` checks what people chose. ``meaning`` is what the planner's search goes by besides
    words, where there is a model.
    """

    planner: Planner
    judge: Judge
    books: Books
    signer: Signer
    meaning: Learned | None = None

    async def conclude(self, ticket: TicketTriaged, now: datetime) -> Conclusion | Choice:
        """See ``Planner.conclude`` and ``Judge.judged``.

        Raises:
            UnavailableError: see there.
        """
        # Runbooks may change while the judge asks the store: labels have to be the plan's own.
        library = self.books.library
        judge = self._judge(library)
        made = await self._made(replace(self.planner, library=library), ticket)
        match made:
            case PlanReady():
                return await judge.judged(ticket, made, now)
            case Undecided():
                return await self._asked(judge, ticket, made, now)
            case TicketEscalated():
                return made

    async def settle(self, choice: Choice, said: PlanChosen, now: datetime) -> Conclusion:
        """What an answer comes to; the plan is the one that was shown, judged as things stand now.

        Raises:
            ForgedDecisionError: see ``choice.settled``.
            UnavailableError: see ``Judge.judged``.
        """
        made = settled(choice, said, self.signer)
        if isinstance(made, TicketEscalated):
            return made
        return await self._judge(self.books.library).judged(choice.ticket, made, now)

    async def requested(
        self, ticket: TicketTriaged, said: PlanRequested, now: datetime
    ) -> Conclusion:
        """What a person's request for a runbook comes to, judged as things stand now.

        Raises:
            ForgedDecisionError: nobody who may asked for this.
            UnavailableError: see ``Judge.judged``.
        """
        self.signer.check_request(said)
        library = self.books.library
        asked = asked_by(ticket, said)
        made = drafted(replace(self.planner, library=library), asked, said)
        if isinstance(made, TicketEscalated):
            return made
        return await self._judge(library).judged(asked, made, now)

    async def _made(self, planner: Planner, ticket: TicketTriaged) -> Conclusion | Undecided:
        """Records matter to the search alone, and most tickets need none."""
        by_rules = planner.by_rules(ticket)
        if by_rules is not None:
            return by_rules
        if self.meaning is not None:
            await self.meaning.hear(query(ticket.alert))
        records = successes(planner.library, await self.judge.records.known())
        return planner.by_search(ticket, records)

    async def _asked(
        self, judge: Judge, ticket: TicketTriaged, made: Undecided, now: datetime
    ) -> Choice | TicketEscalated:
        plans = [one.plan for one in made.tried if one.plan is not None]
        ruled = [await judge.judged(ticket, plan, now) for plan in plans]
        expires_after = judge.bench.approval_expires
        return asked(ticket, made, ruled, now=now, expires_after=expires_after)

    def _judge(self, library: Library) -> Judge:
        return replace(self.judge, bench=replace(self.judge.bench, library=library))
