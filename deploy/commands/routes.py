"""``handrail routes``: who would be told of what, when, and why."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.connection import NotRunningError
from deploy.explanation import (
    Explained,
    closed_by_triage,
    explaining,
    ticket_of,
    triaged,
)
from deploy.givenalerts import alerts_in
from deploy.library import AskedFor
from deploy.moments import ahead
from deploy.oncall import here
from deploy.output import AsJson, add, console, say, show_json, table, when
from deploy.routing import Routed, Router
from services.notifier.outcomes.routes import Told
from services.notifier.recipients import Recipient
from shared.config.channels import Kind
from shared.events import Alert
from shared.policy.terms import Met

Outcomes = list[tuple[Kind, Told]]

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Who would be told of what, when, and why."
)


# Without it typer would take the one command for the whole, and `test` for an argument.
@app.callback()
def routes() -> None:
    """Who would be told of what, when, and why."""


@app.command("test")
def try_(
    what: Annotated[
        str,
        typer.Argument(metavar="TICKET|FILE", help="A ticket's id, or alerts as JSON in a file."),
    ],
    *,
    at: Annotated[
        datetime | None,
        typer.Option(parser=ahead, metavar="TIME", help="Then: 2h (from now), or a time."),
    ] = None,
    library: AskedFor = None,
    as_json: AsJson = False,
) -> None:
    """Say who would be told of each question that an alert leads to, and of what becomes of it."""
    file = Path(what)
    alerts = alerts_in(file) if file.is_file() else None
    found = asyncio.run(_test(what, alerts, at or datetime.now(UTC), library))
    if as_json:
        show_json([_fields(*one) for one in found])
        return
    for explained, routed, outcomes in found:
        _print(explained, routed)
        _print_outcomes(outcomes)


async def _test(
    what: str, alerts: tuple[Alert, ...] | None, now: datetime, library: Path | None
) -> list[tuple[Explained, list[Routed], Outcomes]]:
    config, roster = await here(os.environ)
    router = Router(config, roster, now)
    async with explaining(library) as explainer:
        if alerts is not None:
            explained = [
                closed_by_triage(alert) or await explainer.explain(triaged(alert))
                for alert in alerts
            ]
        elif explainer.db is None:
            raise NotRunningError(
                f"there is no file {what}; without the store of a running Handrail no ticket is "
                "known"
            )
        else:
            explained = [await explainer.explain(await ticket_of(explainer.db, what))]
        return [
            (one, list(router.routed(one, explainer)), list(router.outcomes(one)))
            for one in explained
        ]


def _print(explained: Explained, routed: list[Routed]) -> None:
    say(f"{explained.alert.title} ({explained.severity}, {explained.alert.source})", style="bold")
    if not routed:
        say(f"{explained.becomes}: {explained.because}; nobody is asked anything.")
    for one in routed:
        say(f"\n{one.about}")
        for considered in one.match.trace:
            style = "green" if considered.met is Met.YES else "dim"
            say(f"  {considered.name}: {considered.met}: {considered.why}", style=style)
        if one.match.is_default:
            say("  no route matches: everybody who may answer is asked at once")
        shown = table("at", "what", "who", "because")
        for told in one.told:
            who = ", ".join(map(_who, told.people)) or "nobody more"
            add(shown, when(told.stage.at), told.stage.key, who, told.stage.why)
        add(shown, when(one.expires_at), "expires", "", "nobody has answered")
        console().print(shown)


def _print_outcomes(outcomes: Outcomes) -> None:
    say("\nwhat becomes of it")
    shown = table("what", "at", "who", "by")
    for kind, told in outcomes:
        who = ", ".join(map(_who, told.to)) or "nobody"
        add(shown, kind.value, when(told.at), who, told.route or "channels")
    console().print(shown)


def _who(to: Recipient) -> str:
    return to.name if to.is_room else f"{to.name} ({to.over})"


def _fields(explained: Explained, routed: list[Routed], outcomes: Outcomes) -> dict[str, Any]:
    return {
        "alert": explained.alert.model_dump(mode="json"),
        "severity": explained.severity,
        "becomes": explained.becomes,
        "because": explained.because,
        "questions": [
            {
                "about": one.about,
                "route": None if one.match.is_default else one.match.route.name,
                "considered": [
                    {"route": each.name, "met": each.met, "why": each.why}
                    for each in one.match.trace
                ],
                "told": [
                    {
                        "stage": told.stage.key,
                        "at": told.stage.at,
                        "because": told.stage.why,
                        "who": [{"to": to.email, "over": to.over} for to in told.people],
                    }
                    for told in one.told
                ],
                "expires_at": one.expires_at,
            }
            for one in routed
        ],
        "outcomes": [
            {
                "kind": kind,
                "route": told.route or None,
                "at": told.at,
                "who": [{"to": to.email, "over": to.over} for to in told.to],
            }
            for kind, told in outcomes
        ],
    }
