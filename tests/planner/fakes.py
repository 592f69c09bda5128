"""The planner's store, in memory."""

from datetime import datetime
from uuid import UUID

from services.planner.choice import Choice
from services.planner.plan import Conclusion
from services.planner.store import Kept
from shared.events import PlanReady


class FakeConclusions:
    """See ``services.planner.store.Conclusions``."""

    def __init__(self) -> None:
        self.tickets: dict[UUID, str] = {}
        self.parents: dict[UUID, UUID] = {}
        self.sessions: dict[UUID, PlanReady] = {}
        self.waiting: dict[UUID, UUID] = {}
        self._choices: dict[UUID, Choice] = {}
        self._kept: dict[tuple[UUID, UUID], Conclusion] = {}

    async def keep(
        self, conclusion: Conclusion | Choice, *, caused_by: UUID, now: datetime
    ) -> Kept | None:
        choice = isinstance(conclusion, Choice)
        ticket_id = conclusion.ticket.ticket_id if choice else conclusion.ticket_id
        asked = self._choices.get(self.waiting.get(ticket_id))
        waits = asked is not None and asked.ticket.id == caused_by
        if not waits and self._free(ticket_id):
            if choice:
                self.waiting[ticket_id] = conclusion.id
                self._choices[conclusion.id] = conclusion
                return conclusion.needed
            self._move(conclusion, caused_by)
        before = self._kept.get((ticket_id, caused_by))
        return before or (asked.needed if waits and self._free(ticket_id) else None)

    async def choice(self, choice_id: UUID) -> Choice | None:
        return self._choices.get(choice_id)

    async def settle(
        self, conclusion: Conclusion, choice: Choice, *, now: datetime
    ) -> Conclusion | None:
        ticket_id, cause = conclusion.ticket_id, choice.ticket.id
        if self._free(ticket_id) and self.waiting.get(ticket_id) == choice.id:
            self._move(conclusion, cause)
        return self._kept.get((ticket_id, cause))

    def _free(self, ticket_id: UUID) -> bool:
        return ticket_id not in self.parents and self.tickets.get(ticket_id) == "triaged"

    def _move(self, conclusion: Conclusion, caused_by: UUID) -> None:
        self._kept[conclusion.ticket_id, caused_by] = conclusion
        self.waiting.pop(conclusion.ticket_id, None)
        planned = isinstance(conclusion, PlanReady)
        self.tickets[conclusion.ticket_id] = "planned" if planned else "escalated"
        if planned:
            self.sessions[conclusion.session_id] = conclusion
