"""``handrail maintenance``: times in which alerts open no tickets that anybody deals with."""

import asyncio
import os
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from pydantic import ValidationError

from deploy.connection import NotRunningError, Place, storing
from deploy.maintenance import Known, View, answered, viewed
from deploy.output import AsJson, add, complain, console, say, show_json, table, when
from deploy.person import person
from services.ingest.maintenance.store import MongoWindows
from services.ingest.maintenance.stored import StoredWindow
from services.ingest.maintenance.windows import Window
from shared.config import load_config
from shared.config.maintenance import MaintenanceWindow
from shared.durations import duration
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Maintenance windows: alerts in them open no tickets that anybody deals with.",
)

#: Stored windows that are listed, with those that are over.
_LISTED: Final = 200
_OPTIONS: Final = {"matchers": "--match", "when": "--when", "ends": "--for", "starts": "--from"}


def _time(written: str) -> datetime:
    """``2026-11-22T02:00`` (here, if it has no offset), or ``02:00``: the next time it is that."""
    try:
        clock = time.fromisoformat(written)
    except ValueError:
        return _date_and_time(written)
    now = datetime.now().astimezone()
    today = datetime.combine(now.date(), clock).astimezone()
    tomorrow = datetime.combine(now.date() + timedelta(days=1), clock).astimezone()
    return (today if today >= now else tomorrow).astimezone(UTC)


def _date_and_time(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{written!r} is no time: write 02:00, 2026-11-22T02:00 or 2026-11-22T02:00+01:00"
        ) from None


def _span(written: str) -> timedelta:
    try:
        span = duration(written)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not span:
        raise typer.BadParameter("it has to last longer than nothing")
    return span


def _label(written: str) -> tuple[str, str]:
    label, equals, text = written.partition("=")
    if not label or not equals:
        raise typer.BadParameter(
            f"{written!r} is no label: write one as host=db-1", param_hint="--label"
        )
    return label, text


@app.command("add")
def add_(
    *,
    length: Annotated[
        timedelta, typer.Option("--for", parser=_span, metavar="SPAN", help="So long: 30m, 2h, 7d.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it stands on each ticket.")],
    match: Annotated[
        list[str] | None,
        typer.Option(help="""Alerts like this: 'host="db-1"', 'env=~"prod|staging"'."""),
    ] = None,
    condition: Annotated[
        str | None, typer.Option("--when", metavar="CEL", help="Alerts of which this holds.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All alerts there are.")] = False,
    start: Annotated[
        datetime | None,
        typer.Option("--from", parser=_time, metavar="TIME", help="From then on; else from now."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name; else one is made.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a window that comes once; it holds within seconds."""
    now, id_ = datetime.now(UTC), uuid4()
    if bool(match or condition) == all_:
        raise typer.BadParameter("say which alerts: --match, --when, or --all for all of them")
    starts = start or now
    if starts + length <= now:
        raise typer.BadParameter("it would be over already", param_hint="--from")
    said = _said(
        name=f"ad-hoc-{id_.hex[:8]}" if name is None else name,
        reason=reason,
        when=condition,
        matchers=tuple(match or ()),
        all=all_,
        starts=starts,
        ends=starts + length,
    )
    one = StoredWindow(id=id_, said=said, by=person(), created_at=now)
    asyncio.run(_add(one))
    view = viewed(Known(Window(said), one), now)
    if as_json:
        show_json(view)
        return
    say(f"{said.name} holds from {when(said.starts)} to {when(said.ends)}, for {view.alerts}.")
    say(f"End it earlier with: handrail maintenance end {said.name}", style="dim")


@app.command("list")
def list_(
    *,
    past: Annotated[bool, typer.Option("--past", help="Also those that are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the windows of handrail.yaml and those that were made with `add`."""
    now = datetime.now(UTC)
    views = [viewed(one, now) for one in asyncio.run(_known())]
    chosen = [view for view in views if past or not view.over]
    if as_json:
        show_json(chosen)
        return
    if not chosen:
        say("There is no maintenance window.")
        return
    shown = table("name", "now", "until", "next", "alerts", "reason", "made by", "note")
    for view in chosen:
        state = "over" if view.over else "on" if view.active else ""
        times = when(view.until), when(view.next_at)
        add(shown, view.name, state, *times, view.alerts, view.reason, view.by, view.note)
    console().print(shown)


@app.command()
def end(
    chosen: Annotated[str, typer.Argument(metavar="NAME|ID", help="Or how the id begins.")],
    *,
    as_json: AsJson = False,
) -> None:
    """End a window that was made with `add`; what still fires is reopened within seconds."""
    now = datetime.now(UTC)
    ended = asyncio.run(_end(chosen, now))
    if as_json:
        show_json(viewed(Known(Window(ended.said), ended), now))
        return
    say(f"{ended.said.name} is over.")


@app.command()
def check(
    *,
    name: Annotated[str, typer.Option(help="The alert's name.")] = "",
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=TEXT", help="A label; may be there often."),
    ] = None,
    source: Annotated[str, typer.Option(help="Its source.")] = "",
    severity: Annotated[Severity | None, typer.Option(help="Its severity.")] = None,
    title: Annotated[str, typer.Option(help="Its title; else its name.")] = "",
    resource: Annotated[str, typer.Option(help="What it is about.")] = "",
    at: Annotated[
        datetime | None,
        typer.Option(parser=_time, metavar="TIME", help="At that time; else now."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which window would cover an alert, now or at a time, and which others are for it."""
    alert = Alert(
        source=source,
        name=name,
        status=AlertStatus.FIRING,
        fingerprint="",
        title=title or name,
        severity=severity,
        resource=resource,
        labels=dict(_label(written) for written in label or ()),
    )
    result = answered(asyncio.run(_known()), alert, at or datetime.now(UTC))
    if as_json:
        show_json(result)
        return
    quiet = result.covered_by
    if quiet is None:
        say("No maintenance window covers it: it would open a ticket.", style="yellow")
    else:
        say(f"{quiet.name} covers it until {when(quiet.until)}: {quiet.reason}", style="green")
    for view in result.windows:
        if quiet is None or view.name != quiet.name:
            say(f"  {view.name} is for such alerts: {_times(view)}", style="dim")


async def _add(one: StoredWindow) -> None:
    async with storing(Place.of()) as db:
        windows = MongoWindows(db)
        await windows.prepare()
        await windows.add(one)


async def _end(chosen: str, now: datetime) -> StoredWindow:
    async with storing(Place.of()) as db:
        return await MongoWindows(db).end(chosen, now, person())


async def _known() -> list[Known]:
    """All windows; without those that are stored, and saying so, where nothing runs."""
    place = Place.of()
    config = load_config(place.home.config(os.environ))
    known = [Known(Window(said), None) for said in config.maintenance]
    try:
        async with storing(place) as db:
            stored = await MongoWindows(db).latest(_LISTED)
    except NotRunningError as error:
        complain(error)
        return known
    return known + [Known(Window(one.said), one) for one in stored]


def _said(**fields: Any) -> MaintenanceWindow:
    try:
        return MaintenanceWindow(**fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = str(wrong["loc"][0]) if wrong["loc"] else ""
        hint = _OPTIONS.get(field, f"--{field}") if field else None
        message = str(wrong["msg"]).removeprefix("Value error, ")
        raise typer.BadParameter(message, param_hint=hint) from None


def _times(view: View) -> str:
    if view.over:
        return "it is over"
    if view.active:
        return f"it is on until {when(view.until)}"
    return f"it is on next at {when(view.next_at)}"
