"""The webhooks: 202 only when the ticket is on disk and the stream has its event."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from services.ingest.body import received
from services.ingest.counters import UNKNOWN, Counters
from services.ingest.cut import cut
from services.ingest.door import Door, Stranger
from services.ingest.gate import Gate
from services.ingest.intake import Intake
from services.ingest.limit import Bucket, OverLimit
from services.ingest.quarantine.kept import Quarantined, quarantined
from services.ingest.refusal import Refusal, later, over, turned_away
from services.ingest.ruling import Rule
from services.ingest.ticket import Recorded
from services.ingest.webhook import Parse, Webhook
from shared.complaints import complaint
from shared.errors import UnavailableError
from shared.events import Alert

log = structlog.get_logger(__name__)

_ERRORS_TOLD: Final = 10
# Names of labels stand in the place of an error, and may be as long as the body.
_PLACE_MOST: Final = 200
_NOT_UNDERSTOOD: Final = (400, 422)


class Quarantine(Protocol):
    """Where webhooks are kept that nobody understood; see ``quarantine.store``."""

    async def keep(self, one: Quarantined) -> None: ...


@dataclass(frozen=True)
class Source:
    """A configured source: how its webhooks are read, and what it has to show.

    ``reads`` names the headers that matter to ``parse`` besides the usual ones. ``bucket`` holds it
    to its limit, if it has one.
    """

    name: str
    parse: Parse
    door: Door
    kind: str = ""
    reads: frozenset[str] = frozenset()
    bucket: Bucket = field(default_factory=Bucket)


def webhooks(
    sources: Mapping[str, Source],
    intake: Intake,
    quarantine: Quarantine,
    *,
    gate: Gate,
    counters: Counters,
    now: Callable[[], datetime],
) -> APIRouter:
    """The route that all webhooks take."""
    router = APIRouter()

    async def accept(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            source = _known(sources, name)
            _let_in(source, request)
            source.bucket.look()
            async with received(request, name, gate) as body:
                counters.read(name, body)
                await _checked(source, request, body)
                return await take(source, Webhook(name, body, request.headers))
        except OverLimit as limit:
            return refused(name, over(limit))
        except Refusal as refusal:
            return refused(name, refusal)

    async def take(source: Source, webhook: Webhook) -> Response:
        source.bucket.take_body()
        alerts = await _understood(source, webhook, quarantine, now)
        source.bucket.take_alerts(len(alerts))
        try:
            recorded = await accepted(alerts, intake, now())
        except Refusal:
            source.bucket.give_back(len(alerts))
            raise
        counters.accepted(source.name, alerts)
        return JSONResponse(_answer(alerts, recorded), 202)

    def refused(name: str, refusal: Refusal) -> Response:
        known = name if name in sources else UNKNOWN
        counters.refused(known, refusal)
        log.warning("webhook.refused", source=known, status=refusal.status, reason=str(refusal))
        return JSONResponse(refusal.body, refusal.status, refusal.headers)

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
        raise turned_away(stranger) from None


async def _checked(source: Source, request: Request, body: bytes) -> None:
    try:
        await source.door.check(request.headers, body)
    except Stranger as stranger:
        raise turned_away(stranger) from None
    except UnavailableError as error:
        raise later(f"not accepted, {error}: send it again") from error


async def _understood(
    source: Source, webhook: Webhook, quarantine: Quarantine, now: Callable[[], datetime]
) -> tuple[Alert, ...]:
    """The alerts of a webhook; one that is none of its kind is kept before it is refused."""
    try:
        return await _read(source, webhook)
    except Refusal as refusal:
        if refusal.status in _NOT_UNDERSTOOD:
            await _keep(source, webhook, refusal, quarantine, now())
        raise


async def _keep(
    source: Source, webhook: Webhook, refusal: Refusal, quarantine: Quarantine, now: datetime
) -> None:
    one = quarantined(
        webhook,
        kind=source.kind,
        proofs=source.door.proofs,
        read=source.reads,
        reason=str(refusal),
        problems=refusal.problems,
        at=now,
    )
    try:
        await quarantine.keep(one)
    except UnavailableError as error:
        reason = "not understood, and the store does not answer to keep it: send it again"
        raise later(reason) from error
    refusal.body["quarantine"] = str(one.id)


async def _read(source: Source, webhook: Webhook) -> tuple[Alert, ...]:
    """The alerts of a webhook, or none where it asks to confirm a subscription instead."""
    try:
        if source.door.sns is not None and await source.door.sns.confirm(webhook.body):
            return ()
    except UnavailableError as error:
        raise later(f"not confirmed, {error}: send it again") from error
    return parsed(source.parse, webhook)


def parsed(parse: Parse, webhook: Webhook) -> tuple[Alert, ...]:
    """The alerts of a webhook.

    Raises:
        Refusal: it is none of its kind.
    """
    try:
        return parse(webhook)
    except ValidationError as error:
        # What was sent is left out: it may hold secrets, and this text is logged.
        details = error.errors(include_url=False, include_input=False)
        problems = [f"{place(detail['loc'])}: {complaint(detail)}" for detail in details]
        status = 400 if details[0]["type"] == "json_invalid" else 422
        raise Refusal(
            status,
            f"this is no {webhook.source} notification: {problems[0]}",
            problems=tuple(problems[:_ERRORS_TOLD]),
        ) from None


def place(where: tuple[int | str, ...]) -> str:
    """Where in a body something is wrong."""
    return cut(".".join(map(str, where)), _PLACE_MOST) or "body"


async def accepted(
    alerts: Sequence[Alert], intake: Intake, now: datetime, *, rule: Rule | None = None
) -> list[Recorded]:
    """What became of the alerts; ``rule`` is another one than that for webhooks.

    Raises:
        Refusal: they could not be kept, and are to be sent again.
    """
    try:
        return await intake.take(alerts, now, rule=rule)
    except UnavailableError as error:
        reason = "not accepted, the store or the bus does not answer: send it again"
        raise later(reason) from error


def _answer(alerts: Sequence[Alert], recorded: list[Recorded]) -> dict[str, object]:
    tickets = {
        one.ticket_id: {"id": str(one.ticket_id), "opened": one.opened, "decision": one.decision}
        for one in recorded
    }
    return {
        "accepted": len(alerts),
        "tickets": list(tickets.values()),
    }
