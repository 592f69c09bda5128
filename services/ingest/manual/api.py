"""``POST /tickets``: 202 with the same promise as for a webhook."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Header, Request, Security
from fastapi.security import HTTPBearer

from services.ingest.api import accepted
from services.ingest.counters import Counters
from services.ingest.door import Door
from services.ingest.gate import Gate
from services.ingest.intake import Intake
from services.ingest.limit import Bucket
from services.ingest.manual.guard import guarded
from services.ingest.manual.store import Earlier
from services.ingest.manual.ticket import Accepted, NewTicket, Refused
from services.ingest.refusal import Refusal, later
from services.ingest.ruling import Rule
from shared.errors import UnavailableError

_KEY_MOST: Final = 255
_TOLD_WHY: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Refused, "description": "The body is no JSON."},
    401: {"model": Refused, "description": "The token is missing or is not known."},
    403: {
        "model": Refused,
        "description": "The address is not one of those that may, or the token is another person's "
        "than `requested_by`.",
    },
    404: {"model": Refused, "description": "handrail.yaml has no source of kind `api`."},
    409: {"model": Refused, "description": "The key was used for another request."},
    408: {"model": Refused, "description": "The body did not come in time."},
    413: {"model": Refused, "description": "The body is too large."},
    422: {"model": Refused, "description": "A field is wrong."},
    429: {"model": Refused, "description": "Over the limit of the source: send it again later."},
    503: {"model": Refused, "description": "Not accepted: send it again."},
}
_KEY_HELP: Final = "Sent again with the same key within a day, a request is answered as before."

# Only tells readers of the document; the guard has looked before this is called.
_BEARER: Final = HTTPBearer(auto_error=False, description="The token of a source of kind `api`.")

IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=_KEY_MOST, description=_KEY_HELP)
]


class Requests(Protocol):
    """What was asked for under which key; see ``manual.store``."""

    async def begin(self, source: str, key: str, digest: str, now: datetime) -> Earlier | None: ...

    async def finish(self, source: str, key: str, answer: Accepted) -> Accepted: ...


def by_hand(
    doors: Mapping[str, Door],
    intake: Intake,
    requests: Requests,
    *,
    persons: Mapping[str, str],
    rule: Rule,
    buckets: Mapping[str, Bucket],
    gate: Gate,
    counters: Counters,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes for people and programs.

    ``doors`` are those of the sources of kind ``api``, ``persons`` the addresses of whom their
    tokens belong to, where that is a person, and ``buckets`` hold them to their limits.
    By ``rule`` every ticket that is asked for may be opened.
    """
    router = APIRouter(route_class=guarded(doors, buckets, gate, counters))

    async def take(source: str, ticket: NewTicket) -> Accepted:
        (recorded,) = await accepted([ticket.alert(source)], intake, now(), rule=rule)
        counters.accepted(source, [recorded.alert])
        return Accepted(id=recorded.ticket_id, opened=recorded.opened)

    async def take_once(source: str, key: str, ticket: NewTicket) -> Accepted:
        earlier = await requests.begin(source, key, ticket.digest(), now())
        if earlier is not None and earlier.digest != ticket.digest():
            raise Refusal(409, "this Idempotency-Key was used for another request: take a new one")
        if earlier is not None and earlier.answer is not None:
            return earlier.answer
        # One that was broken off may have made its ticket: then this counts on it.
        return await requests.finish(source, key, await take(source, ticket))

    @router.post(
        "/tickets",
        status_code=202,
        responses=_TOLD_WHY,
        dependencies=[Security(_BEARER)],
        summary="Open a ticket",
        tags=["tickets"],
    )
    async def open_ticket(
        ticket: NewTicket, request: Request, idempotency_key: IdempotencyKey = None
    ) -> Accepted:
        """Answers when the ticket is on disk and the stream has its event."""
        source: str = request.state.source
        ticket = ticket.of(persons.get(source, ""))
        if idempotency_key is None:
            return await take(source, ticket)
        try:
            return await take_once(source, idempotency_key, ticket)
        except UnavailableError as error:
            raise later("not accepted, the store does not answer: send it again") from error

    return router
