"""The webhooks: 202 only when the ticket is on disk and the stream has its event."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from services.ingest.cut import cut
from services.ingest.door import Door, Stranger
from services.ingest.ticket import Recorded, Said, collapsed, events_of
from services.ingest.webhook import Parse, Webhook
from shared.bus import Publish
from shared.errors import UnavailableError
from shared.events import Alert

log = structlog.get_logger(__name__)

BODY_MOST: Final = 5 * 1024 * 1024
RETRY_AFTER_SECONDS: Final = 5
_ERRORS_TOLD: Final = 10
# Names of labels stand in the place of an error, and may be as long as the body.
_PLACE_MOST: Final = 200
# Events that are published at once; all of a large notification would wait for each other.
_PUBLISHED: Final = 250


class Tickets(Protocol):
    """Where alerts become tickets; see ``store.MongoTickets``."""

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]: ...


#: Is told which tickets the stream has the opening of.
Told = Callable[[Iterable[UUID]], None]


@dataclass(frozen=True)
class Source:
    """A configured source: how its webhooks are read, and what it has to show."""

    name: str
    parse: Parse
    door: Door


class Counters:
    """What ingest counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.alerts = Counter(
            "handrail_alerts", "Alerts accepted.", ["source", "status"], registry=registry
        )
        self.refused = Counter(
            "handrail_webhooks_refused", "Webhooks refused.", ["source", "code"], registry=registry
        )


class Refusal(Exception):  # noqa: N818 it is an answer, not a failure
    """A webhook that is not accepted; ``reason`` says what to change."""

    def __init__(self, status: int, reason: str, **more: object) -> None:
        super().__init__(reason)
        self.status = status
        self.body = {"error": reason, **more}
        self.headers: dict[str, str] = {}


def webhooks(
    sources: Mapping[str, Source],
    tickets: Tickets,
    publish: Publish,
    *,
    told: Told,
    counters: Counters,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of ingest."""
    router = APIRouter()

    async def accept(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            source = _known(sources, name)
            _let_in(source, request)
            body = await _body(request)
            await _checked(source, request, body)
            alerts = await _read(source, body, request.headers)
            recorded = await _accepted(alerts, tickets, publish, now())
            told(one.ticket_id for one in recorded if one.opened)
        except Refusal as refusal:
            known = name if name in sources else "unknown"
            counters.refused.labels(known, str(refusal.status)).inc()
            log.warning("webhook.refused", source=known, status=refusal.status, reason=str(refusal))
            return JSONResponse(refusal.body, refusal.status, refusal.headers)
        for alert in alerts:
            counters.alerts.labels(name, alert.status).inc()
        return JSONResponse(_answer(alerts, recorded), 202)

    # Not through FastAPI's parameters, which cost a tenth of the whole and check nothing here.
    router.add_route("/webhooks/{name}", accept, methods=["POST"])
    return router


def _known(sources: Mapping[str, Source], name: str) -> Source:
    source = sources.get(name)
    if source is None:
        raise Refusal(404, "no source of this name is under `sources` in handrail.yaml")
    return source


def _let_in(source: Source, request: Request) -> None:
    client = request.client.host if request.client else ""
    try:
        source.door.knock(request.headers, client)
    except Stranger as stranger:
        raise _turned_away(stranger) from None


async def _checked(source: Source, request: Request, body: bytes) -> None:
    try:
        await source.door.check(request.headers, body)
    except Stranger as stranger:
        raise _turned_away(stranger) from None
    except UnavailableError as error:
        raise _later(f"not accepted, {error}: send it again") from error


def _turned_away(stranger: Stranger) -> Refusal:
    refusal = Refusal(stranger.status, str(stranger))
    if stranger.challenge:
        refusal.headers["WWW-Authenticate"] = stranger.challenge
    return refusal


def _later(reason: str) -> Refusal:
    refusal = Refusal(503, reason)
    refusal.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return refusal


async def _body(request: Request) -> bytes:
    too_large = Refusal(
        413, f"the body is larger than {BODY_MOST} bytes: send fewer alerts in one notification"
    )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > BODY_MOST:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_MOST:
                raise too_large
    except ClientDisconnect as gone:
        raise Refusal(400, "the connection was closed before the whole body came") from gone
    return bytes(body)


async def _read(source: Source, body: bytes, headers: Mapping[str, str]) -> tuple[Alert, ...]:
    """The alerts of a body, or none where it asks to confirm a subscription instead."""
    try:
        if source.door.sns is not None and await source.door.sns.confirm(body):
            return ()
    except UnavailableError as error:
        raise _later(f"not confirmed, {error}: send it again") from error
    return _parsed(source, body, headers)


def _parsed(source: Source, body: bytes, headers: Mapping[str, str]) -> tuple[Alert, ...]:
    try:
        return source.parse(Webhook(source.name, body, headers))
    except ValidationError as error:
        # What was sent is left out: it may hold secrets, and this text is logged.
        details = error.errors(include_url=False, include_input=False, include_context=False)
        problems = [f"{_place(detail['loc'])}: {detail['msg']}" for detail in details]
        status = 400 if details[0]["type"] == "json_invalid" else 422
        raise Refusal(
            status,
            f"this is no {source.name} notification: {problems[0]}",
            problems=problems[:_ERRORS_TOLD],
        ) from None


def _place(where: tuple[int | str, ...]) -> str:
    return cut(".".join(map(str, where)), _PLACE_MOST) or "body"


async def _accepted(
    alerts: tuple[Alert, ...], tickets: Tickets, publish: Publish, now: datetime
) -> list[Recorded]:
    if not alerts:
        return []
    try:
        recorded = await tickets.record(collapsed(alerts), now)
        events = [event for one in recorded for event in events_of(one, now, new_id=uuid4)]
        for first in range(0, len(events), _PUBLISHED):
            await publish(*events[first : first + _PUBLISHED])
    except UnavailableError as error:
        reason = "not accepted, the store or the bus does not answer: send it again"
        raise _later(reason) from error
    return recorded


def _answer(alerts: tuple[Alert, ...], recorded: list[Recorded]) -> dict[str, object]:
    tickets: dict[UUID, bool] = {one.ticket_id: one.opened for one in recorded}
    return {
        "accepted": len(alerts),
        "tickets": [{"id": str(id_), "opened": opened} for id_, opened in tickets.items()],
    }
