"""``handrail alert``: every alert that was accepted."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from deploy.commands.alert_import import import_
from deploy.commands.alert_why import why
from deploy.connection import Place, reading
from deploy.moments import moment
from deploy.output import AsJson, add, colored, console, say, show_json, table, when
from deploy.views import AlertView

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Every alert that was accepted.")


# Without it typer would take the one command for the whole, and `list` for an argument.
@app.callback()
def alert() -> None:
    """Every alert that was accepted, for as long as it is kept."""


app.command("import")(import_)
app.command("why")(why)


@app.command("list")
def list_(
    *,
    source: Annotated[str | None, typer.Option(help="Only those of this source.")] = None,
    fingerprint: Annotated[
        str | None, typer.Option(help="Only those on this problem, or how it begins.")
    ] = None,
    ticket: Annotated[str | None, typer.Option(help="Only those on this ticket.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="Only since then: 30m, 2h, 7d or a time."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show accepted alerts, the newest first."""
    alerts = asyncio.run(_list(source, fingerprint, ticket, since, limit))
    if as_json:
        show_json(alerts)
        return
    shown = table(
        "at", "source", "status", "severity", "title", "resource", "decision", "because", "ticket"
    )
    for one in alerts:
        add(
            shown,
            when(one.at),
            one.alert.source,
            colored(one.alert.status),
            colored(one.alert.severity),
            one.alert.title,
            one.alert.resource,
            one.decision.value.replace("_", " ") if one.decision else "",
            one.because,
            str(one.ticket_id)[:8] if one.ticket_id else "",
        )
    if alerts:
        console().print(shown)
    else:
        say("There are no such alerts.")


async def _list(
    source: str | None,
    fingerprint: str | None,
    ticket: str | None,
    since: datetime | None,
    limit: int,
) -> list[AlertView]:
    async with reading(Place.of()) as reader:
        return await reader.alerts(
            source=source, fingerprint=fingerprint, ticket=ticket, since=since, limit=limit
        )
