"""``/api/v1/tickets``: the problems, and what happened to them."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from services.console.api.guard import guarded, needs
from services.console.api.paging import Cursor, Limit, Page, no_cursor, place_of, written
from services.console.api.problem import Refusal
from services.console.api.responses import problems
from services.console.tickets.ticket import TicketSummary, TicketView
from services.console.tokens.door import Door
from services.console.tokens.token import Role
from shared.lifecycle import TicketState

State = Annotated[TicketState | None, Query(description="Only those in this state.")]

#: When the last ticket of a page was opened, and how many that were opened then were shown.
_PLACE: TypeAdapter[tuple[AwareDatetime, Annotated[int, Query(ge=0, le=100_000)]]] = TypeAdapter(
    tuple[AwareDatetime, Annotated[int, Query(ge=0, le=100_000)]]
)


class Tickets(Protocol):
    """See ``tickets.store.MongoTickets``."""

    async def newest(
        self, *, state: TicketState | None, limit: int, until: datetime | None, passed: int
    ) -> list[TicketSummary]: ...

    async def one(self, ticket_id: UUID) -> TicketView | None: ...


def tickets_api(door: Door, tickets: Tickets) -> APIRouter:
    """The routes."""
    router = guarded(door, prefix="/api/v1/tickets", tag="tickets")

    @router.get("", dependencies=[needs(Role.VIEWER)], responses=problems())
    async def list_tickets(
        state: State = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[TicketSummary]:
        """The newest first."""
        until, passed = (None, 0) if cursor is None else _place(cursor)
        found = await tickets.newest(state=state, limit=limit + 1, until=until, passed=passed)
        shown = tuple(found[:limit])
        more = _after(shown, until, passed) if len(found) > limit else None
        return Page(items=shown, next=more)

    @router.get("/{ticket_id}", dependencies=[needs(Role.VIEWER)], responses=problems(404))
    async def get_ticket(ticket_id: UUID) -> TicketView:
        """One ticket with its alert, what was judged and tried, and its timeline."""
        found = await tickets.one(ticket_id)
        if found is None:
            raise Refusal(404, "there is no ticket of that id")
        return found

    return router


def _place(cursor: str) -> tuple[datetime, int]:
    try:
        return _PLACE.validate_python(place_of(cursor))
    except ValidationError:
        raise no_cursor() from None


def _after(shown: tuple[TicketSummary, ...], until: datetime | None, passed: int) -> str:
    """Where the page behind this one begins."""
    last = shown[-1].created_at
    same = sum(ticket.created_at == last for ticket in shown)
    return written([last.isoformat(), same + (passed if last == until else 0)])
