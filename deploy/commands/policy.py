"""``handrail policy``: what is wrong in the policy, what it says of an alert, whom it trusts."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from deploy.connection import NotRunningError, Place, storing
from deploy.explanation import (
    Explained,
    closed_by_triage,
    explaining,
    ticket_of,
    triaged,
)
from deploy.givenalerts import alerts_in
from deploy.home import Home
from deploy.library import AskedFor, Books, tell, tell_refused
from deploy.output import AsJson, add, colored, console, say, show_json, table
from shared.config import load_config
from shared.config.policy import PolicyConfig
from shared.errors import HandrailError
from shared.events import Alert, OnNo
from shared.policy.policy import Policy
from shared.policy.reading import PolicyPlace, policy_of
from shared.policy.records.record import Record
from shared.policy.records.store import MongoRecords
from shared.policy.ruling import Ruling
from shared.policy.terms import Outcome
from shared.yamlsource import Problem, SourceError, read_file

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What is wrong in the policy, what it says of an alert, and which runbooks are trusted.",
)

_NOT_THERE: Final = (
    "there is no file {what}; without the store of a running Handrail no ticket is known"
)


class NoTicketError(HandrailError):
    """What is to be explained is neither a ticket nor a file of alerts."""


class NothingToRestoreError(HandrailError):
    """A runbook has not failed of late."""


@app.command("lint")
def lint_(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A policy or a handrail.yaml; else what is in use."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say every mistake in the policy with its line and column; ends with 1 when there is one."""
    policy, problems = _read(file)
    if as_json:
        show_json({"ok": not problems, "problems": [asdict(problem) for problem in problems]})
    else:
        for problem in problems:
            say(str(problem), style="red")
        if not problems:
            rules = len(policy.config.rules)
            say(f"No mistakes: {rules} rules, version {policy.version}.", style="green")
    if problems:
        raise typer.Exit(1)


def _read(file: Path | None) -> tuple[Policy, tuple[Problem, ...]]:
    try:
        return _written(file), ()
    except SourceError as error:
        in_order = sorted(error.problems, key=lambda one: (one.file, one.line, one.column))
        return Policy(), tuple(in_order)


def _written(file: Path | None) -> Policy:
    here = Home.of(os.environ).config(os.environ)
    if file is None:
        return PolicyPlace(here).read()
    source = read_file(file)
    if "kind" in source.data:
        message = f"this is a runbook: `handrail runbook lint {file}` tells what is wrong in it"
        raise SourceError([source.problem(("kind",), message)])
    if set(source.data) - PolicyConfig.model_fields.keys() and "policy" in source.data:
        return PolicyPlace(file).read()
    return policy_of(source, load_config(here))


@app.command()
def explain(
    what: Annotated[
        str,
        typer.Argument(metavar="TICKET|FILE", help="A ticket's id, or alerts as JSON in a file."),
    ],
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also every rule that was considered.")
    ] = False,
    library: AskedFor = None,
    as_json: AsJson = False,
) -> None:
    """Say which rule decides about each step, who must say yes, and why."""
    file = Path(what)
    if file.is_dir():
        raise NoTicketError(f"{what} is a folder: name a file of alerts, or a ticket")
    alerts = alerts_in(file) if file.is_file() else None
    explained, books, known = asyncio.run(_explain(what, alerts, library))
    if as_json:
        show_json([{**_fields(one), "runbooks": books.fields()} for one in explained])
        return
    for one in explained:
        _print(one, everything=everything)
    if not known:
        say("\nNothing is running here: told as if nothing had ever run.", style="dim")


async def _explain(
    what: str, alerts: tuple[Alert, ...] | None, library: Path | None
) -> tuple[list[Explained], Books, bool]:
    """What would become of the alerts, or else of a ticket; and whether the past is known."""
    async with explaining(library) as explainer:
        tell(explainer.books)
        tell_refused(explainer.planner.library)
        if alerts is not None:
            closed = [closed_by_triage(alert) for alert in alerts]
            explained = [
                one or await explainer.explain(triaged(alert))
                for one, alert in zip(closed, alerts, strict=True)
            ]
            return explained, explainer.books, explainer.db is not None
        if explainer.db is None:
            raise NotRunningError(_NOT_THERE.format(what=what))
        ticket = await ticket_of(explainer.db, what)
        return [await explainer.explain(ticket)], explainer.books, True


def _print(one: Explained, *, everything: bool) -> None:
    say(f"{one.alert.title} ({one.severity}, {one.alert.source})", style="bold")
    if one.runbook:
        say(f"runbook {one.runbook}")
    shown = table("step", "risk", "on", "command", "says", "by", "because")
    for step, ruling in one.steps:
        where = f"{step.uses} {step.target}"
        command = " ".join(step.run.split())
        risk = colored(step.risk)
        add(shown, step.id, risk, where, command, _says(ruling), ruling.rule, ruling.reason)
    if one.steps:
        console().print(shown)
    for step, ruling in one.steps if everything else ():
        say(f"\n{step.id}")
        for considered in ruling.trace:
            say(f"  {considered}", style="dim")
    style = {"planned": "green", "escalated": "red"}.get(one.becomes, "")
    say(f"{one.becomes}: {one.because}", style=style)
    for note in one.notes:
        say(f"  {note}", style="dim")


def _says(ruling: Ruling) -> str:
    """What is to be done with a step, on one line."""
    mode = "" if ruling.mode == "act" else f" ({ruling.mode} only)"
    if ruling.outcome is not Outcome.REQUIRE:
        return {Outcome.AUTO: "runs", Outcome.DENY: "never runs"}[ruling.outcome] + mode
    who = f" of {', '.join(ruling.who)}" if ruling.who else ""
    who += f", one of each: {', '.join(seat.name for seat in ruling.seats)}" if ruling.seats else ""
    who += ", by majority" if ruling.required and ruling.on_no is OnNo.MAJORITY else ""
    within = f" in {ruling.expires.total_seconds() / 60:g} min" if ruling.expires else ""
    return f"asks {ruling.required}{who}{within}, else {ruling.on_expiry}{mode}"


def _fields(one: Explained) -> dict[str, Any]:
    return {
        "alert": one.alert.model_dump(mode="json"),
        "severity": one.severity,
        "becomes": one.becomes,
        "because": one.because,
        "notes": list(one.notes),
        "runbook": one.runbook,
        "steps": [
            {"id": step.id, "target": step.target, "command": step.run, "risk": step.risk}
            | _ruling(ruling)
            for step, ruling in one.steps
        ],
    }


def _ruling(ruling: Ruling) -> dict[str, Any]:
    seconds = ruling.expires.total_seconds() if ruling.expires else None
    seats = [seat.model_dump() for seat in ruling.seats]
    return {**asdict(ruling), "expires": seconds, "seats": seats}


@app.command("trust")
def trust_(*, as_json: AsJson = False) -> None:
    """Show how often runbooks ran and helped, which are trusted, and which are off."""
    policy = PolicyPlace(Home.of(os.environ).config(os.environ)).read()
    records = asyncio.run(_records())
    if as_json:
        show_json([{**asdict(one), "state": _standing(one, policy)} for one in records])
        return
    shown = table("runbook", "version", "runs", "verified", "failed", "in a row", "is")
    for one in records:
        numbers = map(str, (one.runs, one.verified, one.failed, one.failed_in_a_row))
        add(shown, one.runbook, one.version, *numbers, _standing(one, policy))
    if records:
        console().print(shown)
    else:
        say("No runbook has run yet.")


def _standing(record: Record, policy: Policy) -> str:
    trust = policy.config.trust
    if record.failed_in_a_row >= trust.lost_after:
        return "off"
    earned = record.runs >= trust.after.runs and record.rate >= trust.after.rate
    return "trusted" if earned else "not yet trusted"


@app.command()
def restore(name: Annotated[str, typer.Argument(metavar="RUNBOOK")]) -> None:
    """Let a runbook be used again that failed too often in a row."""
    if not asyncio.run(_restore(name)):
        raise NothingToRestoreError(f"the runbook {name} has no failures in a row")
    say(f"{name} may be used again; its counts stay as they are.")


async def _records() -> list[Record]:
    async with storing(Place.of()) as db:
        return await MongoRecords(db).known()


async def _restore(name: str) -> bool:
    async with storing(Place.of()) as db:
        return await MongoRecords(db).restore(name)
