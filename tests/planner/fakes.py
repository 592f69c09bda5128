"""The planner's store, in memory."""

from datetime import datetime
from uuid import UUID

from services.planner.plan import Conclusion
from shared.events import PlanReady


class FakeConclusions:
    """See ``services.planner.store.Conclusions``."""

    def __init__(self) -> None:
        self.tickets: dict[UUID, str] = {}
        self.parents: dict[UUID, UUID] = {}
        self.sessions: dict[UUID, PlanReady] = {}
        self._kept: dict[tuple[UUID, UUID], Conclusion] = {}

    async def keep(
        self, conclusion: Conclusion, *, caused_by: UUID, now: datetime
    ) -> Conclusion | None:
        key = conclusion.ticket_id, caused_by
        alone = conclusion.ticket_id not in self.parents
        if alone and self.tickets.get(conclusion.ticket_id) == "triaged":
            self._kept[key] = conclusion
            if isinstance(conclusion, PlanReady):
                self.sessions[conclusion.session_id] = conclusion
                self.tickets[conclusion.ticket_id] = "planned"
            else:
                self.tickets[conclusion.ticket_id] = "escalated"
        return self._kept.get(key)
