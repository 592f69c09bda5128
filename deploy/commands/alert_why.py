"""``handrail alert why``: what was decided about alerts, or where they went instead."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from deploy.connection import Place, reading
from deploy.moments import moment
from deploy.output import AsJson, ago, say, show_json, when
from deploy.store import Reader
from deploy.views import AlertView
from deploy.why import Explained, Misunderstood, SourceSeen, Why
from shared.config import load_config

_USUALLY_SINCE: Final = timedelta(hours=24)


def why(
    text: Annotated[
        str | None,
        typer.Argument(
            help="In its name, title, resource or labels; or how its fingerprint begins."
        ),
    ] = None,
    *,
    source: Annotated[str | None, typer.Option(help="Only alerts of this source.")] = None,
    fingerprint: Annotated[
        str | None, typer.Option(help="Only those on this problem, or how it begins.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=moment, metavar="TIME", help="Only since then: 30m, 2h, 7d or a time; else 24h."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Say why an alert did what it did, or nothing; the newest first."""
    earliest = since or datetime.now(UTC) - _USUALLY_SINCE
    found = asyncio.run(_why(text, source, fingerprint, earliest, limit))
    if as_json:
        show_json(found)
        return
    for one in found.alerts:
        _show(one)
    if not found.alerts:
        _show_nothing(found)


async def _why(
    text: str | None, source: str | None, fingerprint: str | None, since: datetime, limit: int
) -> Why:
    place = Place.of()
    configured = frozenset(load_config(place.home.config(os.environ)).sources)
    async with reading(place) as reader:
        alerts = await reader.alerts(
            text=text, source=source, fingerprint=fingerprint, since=since, limit=limit
        )
        if alerts:
            return Why(since=since, alerts=await _explained(reader, alerts))
        return Why(
            since=since,
            quarantine=Misunderstood.of(
                await reader.misunderstood(text=text, source=source, since=since)
            ),
            sources=await _seen(reader, source, configured),
        )


async def _explained(reader: Reader, alerts: Sequence[AlertView]) -> tuple[Explained, ...]:
    tickets = await reader.tickets_by_id({one.ticket_id for one in alerts if one.ticket_id})
    return tuple(
        Explained.of(one, tickets.get(one.ticket_id) if one.ticket_id else None) for one in alerts
    )


async def _seen(
    reader: Reader, source: str | None, configured: frozenset[str]
) -> tuple[SourceSeen, ...]:
    """The source that was asked for, or each that is configured."""
    names = sorted(configured) if source is None else [source]
    return tuple(
        [
            SourceSeen(
                name=name,
                configured=name in configured,
                last_alert_at=await reader.last_alert_at(name),
            )
            for name in names
        ]
    )


def _show(one: Explained) -> None:
    alert = one.alert.alert
    resource = f" ({alert.resource})" if alert.resource else ""
    say(
        f"{when(one.alert.at)} {alert.source} {alert.status}: {alert.title}{resource}", style="bold"
    )
    for line in filter(None, (one.did, one.ticket)):
        say(f"  {line}")


def _show_nothing(found: Why) -> None:
    say(f"No such alert was accepted since {when(found.since)}.", style="bold")
    kept = found.quarantine
    if kept is not None:
        say(
            f"  In quarantine are {kept.webhooks} webhooks that were not understood; the last one "
            f"came {ago(kept.last_at)} from {kept.last_source}: {kept.last_reason}\n"
            f"  Look at it with `handrail quarantine show {kept.last_id[:8]}`."
        )
    else:
        say("  Nothing about it is in quarantine.")
    for seen in found.sources:
        say(f"  {_told(seen)}")
    say(
        "  What is refused at the door (401, 403, 404, 413, 429) is not kept; ingest counts it "
        "with the reason in handrail_webhooks_refused_total."
    )
    if not found.sources:
        say("  No source is configured: what is posted is answered with 404.")


def _told(seen: SourceSeen) -> str:
    last = (
        f"its last alert was accepted {ago(seen.last_alert_at)}"
        if seen.last_alert_at
        else "no alert of it was ever accepted, as far as is kept"
    )
    if seen.configured:
        return f"The source {seen.name} is configured; {last}."
    return (
        f"No source {seen.name} is configured: what is posted to /webhooks/{seen.name} is answered "
        f"with 404; {last}."
    )
