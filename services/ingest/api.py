"""The webhooks: 202 only when the ticket is on disk and the stream has its event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError

from services.ingest.auth import Proof
from services.ingest.sources import Parse
from services.ingest.ticket import Recorded, collapsed, told
from shared.bus import Publish
from shared.errors import UnavailableError
from shared.events import Alert

log = structlog.get_logger(__name__)

BODY_MOST: Final = 5 * 1024 * 1024
RETRY_AFTER_SECONDS: Final = 5
_ERRORS_TOLD: Final = 10


class Tickets(Protocol):
    """Where alerts become tickets; see ``store.MongoTickets``."""

    async def record(self, alerts: list[tuple[Alert, int]], now: datetime) -> list[Recorded]: ...


@dataclass(frozen=True)
class Source:
    """A configured source: how its webhooks are read, and what it has to show."""

    name: str
    parse: Parse
    proof: Proof


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
    counters: Counters,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of ingest."""
    router = APIRouter()

    @router.post("/webhooks/{name}", status_code=202)
    async def accept(name: str, request: Request) -> Response:
        try:
            source = _known(sources, name)
            _admitted(source, request)
            alerts = _parsed(source, await _body(request))
            recorded = await _accepted(alerts, tickets, publish, now())
        except Refusal as refusal:
            known = name if name in sources else "unknown"
            counters.refused.labels(known, str(refusal.status)).inc()
            log.warning("webhook.refused", source=known, status=refusal.status, reason=str(refusal))
            return JSONResponse(refusal.body, refusal.status, refusal.headers)
        for alert in alerts:
            counters.alerts.labels(name, alert.status).inc()
        return JSONResponse(_answer(alerts, recorded), 202)

    return router


def _known(sources: Mapping[str, Source], name: str) -> Source:
    source = sources.get(name)
    if source is None:
        known = ", ".join(sorted(sources)) or "none yet"
        raise Refusal(404, f"no source of this name is configured (in handrail.yaml: {known})")
    return source


def _admitted(source: Source, request: Request) -> None:
    if source.proof.admits(request.headers.get("authorization", "")):
        return
    refusal = Refusal(401, "the Authorization header is missing or does not match the source's")
    refusal.headers["WWW-Authenticate"] = type(source.proof).__name__
    raise refusal


async def _body(request: Request) -> bytes:
    too_large = Refusal(
        413, f"the body is larger than {BODY_MOST} bytes: send fewer alerts in one notification"
    )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > BODY_MOST:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MOST:
            raise too_large
    return bytes(body)


def _parsed(source: Source, body: bytes) -> tuple[Alert, ...]:
    try:
        return source.parse(source.name, body)
    except ValidationError as error:
        # What was sent is left out: it may hold secrets, and this text is logged.
        details = error.errors(include_url=False, include_input=False, include_context=False)
        told = [f"{'.'.join(map(str, d['loc'])) or 'body'}: {d['msg']}" for d in details]
        status = 400 if details[0]["type"] == "json_invalid" else 422
        raise Refusal(
            status,
            f"this is no {source.name} notification: {told[0]}",
            problems=told[:_ERRORS_TOLD],
        ) from error


async def _accepted(
    alerts: tuple[Alert, ...], tickets: Tickets, publish: Publish, now: datetime
) -> list[Recorded]:
    try:
        recorded = await tickets.record(list(collapsed(alerts)), now)
        await publish(*(event for one in recorded for event in told(one, now)))
    except UnavailableError as error:
        refusal = Refusal(503, "not accepted, the store or the bus does not answer: send it again")
        refusal.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        raise refusal from error
    return recorded


def _answer(alerts: tuple[Alert, ...], recorded: list[Recorded]) -> dict[str, object]:
    tickets: dict[UUID, bool] = {one.ticket_id: one.opened for one in recorded}
    return {
        "accepted": len(alerts),
        "tickets": [{"id": str(id_), "opened": opened} for id_, opened in tickets.items()],
    }
