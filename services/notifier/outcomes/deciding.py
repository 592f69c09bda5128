"""Decides whom news of a ticket go to by the routes, and holds them over quiet hours."""

from dataclasses import dataclass

import structlog

from services.notifier.channels.news import Newsworthy
from services.notifier.outcomes.routes import OutcomeRoutes, Told
from services.notifier.outcomes.store import Held, Holding, Tickets
from shared.config.channels import Kind

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outcomes:
    """What routes say of outcomes, for one ticket after the other."""

    routes: OutcomeRoutes
    tickets: Tickets
    holding: Holding

    def kinds(self) -> frozenset[Kind]:
        """What is told by some route."""
        return self.routes.kinds()

    async def told(self, event: Newsworthy, kind: Kind) -> Told | None:
        """Whom the routes tell, as of the time of the event; None where they say nothing of it.

        Raises:
            UnavailableError: the store does not answer.
        """
        about = await self.tickets.about(event.ticket_id)
        return await self.routes.told(about, kind, event.time)

    async def hold(self, event: Newsworthy, told: Told) -> None:
        """Have it told when the quiet hours are over; once, however often it comes."""
        await self.holding.keep(Held(event, told.to, told.at))
        log.info("news.held", ticket_id=str(event.ticket_id), until=told.at.isoformat())
