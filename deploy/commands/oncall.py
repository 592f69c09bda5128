"""``handrail oncall``: who is on call, until when, and who is next."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deploy.moments import ahead
from deploy.oncall import here
from deploy.output import AsJson, add, ago, console, say, show_json, table, when
from shared.config import Config
from shared.config.schedules import ScheduleConfig
from shared.errors import HandrailError
from shared.oncall.calendar import Duty
from shared.oncall.roster import Roster, Standing


class NoScheduleError(HandrailError):
    """A schedule is not in handrail.yaml."""


class _ShownByDefault(TyperGroup):
    """``handrail oncall primary`` is short for ``handrail oncall show primary``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else ["show", *args])


app = typer.Typer(
    add_completion=False,
    cls=_ShownByDefault,
    help="Who is on call, until when, and who is next; `handrail oncall [SCHEDULE]`.",
)


@app.command()
def show(
    schedule: Annotated[
        str | None, typer.Argument(metavar="[SCHEDULE]", help="Only by this schedule.")
    ] = None,
    *,
    at: Annotated[
        datetime | None,
        typer.Option(parser=ahead, metavar="TIME", help="Then: 2h (from now), or a time."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who is on call, until when, and who is next."""
    config, roster = asyncio.run(here())
    moment = at or datetime.now(UTC)
    duties = {name: roster.duty(name, moment) for name in _named(config, schedule)}
    if as_json:
        show_json([_fields(name, duty, roster, config) for name, duty in duties.items()])
        return
    if not duties:
        say("There are no schedules in handrail.yaml: everybody is on call.")
        return
    shown = table("schedule", "on call", "until", "next", "from", "note")
    for name, duty in duties.items():
        note = "; ".join(_notes(roster.standing.get(name)))
        until, next_at = when(duty.until), when(duty.next_at)
        add(shown, name, _people(duty.people), until, _people(duty.next_people), next_at, note)
    console().print(shown)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show the schedules, who keeps them, and how well they are known."""
    config, roster = asyncio.run(here())
    if as_json:
        show_json([_kept(name, one, roster) for name, one in config.schedules.items()])
        return
    shown = table("schedule", "kept by", "time zone", "note")
    for name, one in config.schedules.items():
        add(shown, name, _keeper(one), one.timezone, "; ".join(_notes(roster.standing.get(name))))
    if config.schedules:
        console().print(shown)
    else:
        say("There are no schedules in handrail.yaml: everybody is on call.")


def _named(config: Config, schedule: str | None) -> tuple[str, ...]:
    if schedule is None:
        return tuple(config.schedules)
    if schedule not in config.schedules:
        known = ", ".join(config.schedules) or "none"
        raise NoScheduleError(f"there is no schedule {schedule} (under `schedules`: {known})")
    return (schedule,)


def _people(people: tuple[str, ...]) -> str:
    return ", ".join(people) or "nobody"


def _keeper(config: ScheduleConfig) -> str:
    if config.pagerduty is not None:
        return f"PagerDuty {config.pagerduty.schedule}"
    if config.opsgenie is not None:
        return f"Opsgenie {config.opsgenie.schedule}"
    return "a calendar" if config.ical is not None else "handrail.yaml"


def _notes(standing: Standing | None) -> Iterator[str]:
    """What is wrong with what is known of a schedule that somebody else keeps."""
    if standing is None:
        return
    if standing.error:
        yield standing.error
    if standing.fetched_at is None:
        yield "not known yet: nobody counts as on call"
    else:
        yield f"fetched {ago(standing.fetched_at)}"
    if standing.strangers:
        yield f"not under `people`: {', '.join(standing.strangers)}"


def _fields(name: str, duty: Duty, roster: Roster, config: Config) -> dict[str, Any]:
    return {
        **_kept(name, config.schedules[name], roster),
        "at": duty.at,
        "people": duty.people,
        "until": duty.until,
        "next": duty.next_people,
        "next_at": duty.next_at,
    }


def _kept(name: str, config: ScheduleConfig, roster: Roster) -> dict[str, Any]:
    standing = roster.standing.get(name)
    return {
        "schedule": name,
        "kept_by": _keeper(config),
        "timezone": config.timezone,
        "fetched_at": standing.fetched_at if standing else None,
        "error": standing.error if standing else "",
        "strangers": standing.strangers if standing else (),
    }
