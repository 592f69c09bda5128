"""``handrail runbook run NAME``: asked for and followed, or with --preview shown, not run."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.commands.runbook_request import ask_for
from deploy.commands.runbook_tools import NamedRunbook, runbook_named
from deploy.connection import NotRunningError
from deploy.explanation import Explainer, explaining, ticket_of, triaged
from deploy.givenalerts import alerts_in
from deploy.library import AskedFor, Books, tell, tell_refused
from deploy.output import AsJson, add, colored, console, say, show_json, table
from shared.errors import HandrailError
from shared.events import Alert, AlertStatus, Check, PlanReady, Step, TicketTriaged
from shared.policy.ruling import Ruling
from shared.policy.terms import Outcome
from shared.runbook import Library, Runbook, UnfilledError, UnrenderedError, match


class NotPreviewedError(HandrailError):
    """There is nothing to show, and why."""


@dataclass(frozen=True)
class Preview:
    """One plan as it would be made, what the policy says of its steps, what stands in its way."""

    books: Books
    ticket: TicketTriaged
    plan: PlanReady
    rulings: tuple[Ruling, ...]
    matched: bool
    obstacles: tuple[str, ...]

    def fields(self) -> dict[str, Any]:
        steps = zip(self.plan.steps, self.rulings, strict=True)
        return {
            "runbook": self.plan.runbook.model_dump(mode="json"),
            "runbooks": self.books.fields(),
            "alert": self.ticket.alert.model_dump(mode="json"),
            "severity": self.ticket.severity.value,
            "matched": self.matched,
            "reasons": list(self.plan.reasons),
            "obstacles": list(self.obstacles),
            "params": self.plan.params,
            "values": self.plan.values,
            "origins": self.plan.origins,
            "evidence": self.plan.evidence,
            "steps": [
                {**step.model_dump(mode="json"), "policy": _said(ruling)} for step, ruling in steps
            ],
            "verify": [check.model_dump(mode="json") for check in self.plan.verify],
        }


def run(
    name: NamedRunbook,
    *,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would run; nothing has an effect.")
    ] = False,
    alert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Alerts as JSON, or an Alertmanager's.")
    ] = None,
    ticket: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A stored ticket; without one, a run opens a new one."),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A label of an alert made up.")
    ] = None,
    evidence: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What triage would gather.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter, in place of what the alert has."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it is run; it is kept in the timeline.")] = "",
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not follow the session to its end.")
    ] = False,
    library: AskedFor = None,
    as_json: AsJson = False,
) -> None:
    """Run a runbook by the policy as it stands, and follow it; ends with 1 unless it succeeded.

    With --preview, show each step: what it runs and where, who is asked, why, what it expects.
    """
    if (alert is not None) + (ticket is not None) + bool(label) > 1:
        raise NotPreviewedError("say one of --alert, --ticket and --label")
    labels, params = _pairs(label or [], "label"), _pairs(param or [], "param")
    if not preview:
        if alert is not None or evidence or library is not None:
            raise NotPreviewedError("--alert, --evidence and --library go with --preview only")
        ask_for(
            name,
            ticket,
            labels=labels,
            params=params,
            reason=reason,
            wait=not no_wait,
            as_json=as_json,
        )
        return
    gathered = {key: _read(text) for key, text in _pairs(evidence or [], "evidence").items()}
    alerts = alerts_in(alert) if alert is not None else None
    previews = asyncio.run(
        _previews(name, alerts or labels, ticket, gathered, params, library=library)
    )
    if as_json:
        show_json([one.fields() for one in previews])
        return
    for one in previews:
        _print(one)


def _pairs(written: Iterable[str], what: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in written:
        key, equals, value = one.partition("=")
        if not key or not equals:
            raise NotPreviewedError(f"{one!r} is no {what}: write NAME=VALUE")
        pairs[key] = value
    return pairs


def _read(text: str) -> Any:
    """A value as JSON has it, or else a text."""
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


def _made_up(runbook: Runbook, labels: Mapping[str, str]) -> Alert:
    """A firing alert of the runbook's first name with these labels."""
    names = runbook.content.match.alerts
    called = names[0].replace("*", "").replace("?", "") if names else ""
    return Alert(
        source="preview",
        name=called or "Preview",
        status=AlertStatus.FIRING,
        fingerprint="0" * 16,
        title=f"{called or 'Preview'} (made up)",
        labels=labels,
    )


async def _previews(
    name: str,
    alerts: tuple[Alert, ...] | Mapping[str, str],
    ticket: str | None,
    evidence: Mapping[str, Any],
    params: Mapping[str, str],
    *,
    library: Path | None,
) -> list[Preview]:
    """For a stored ticket, or else for alerts or for one that is made up of labels."""
    async with explaining(library) as explainer:
        tell(explainer.books)
        tell_refused(explainer.planner.library)
        runbook = runbook_named(name, explainer.planner.library)
        if ticket is None:
            told = alerts if isinstance(alerts, tuple) else (_made_up(runbook, alerts),)
            tickets = [triaged(alert) for alert in told]
        elif explainer.db is None:
            raise NotRunningError("no ticket is known without the store of a running Handrail")
        else:
            tickets = [await ticket_of(explainer.db, ticket)]
        known = [_with(each, evidence) for each in tickets]
        return [await _preview(explainer, runbook, each, params) for each in known]


def _with(ticket: TicketTriaged, evidence: Mapping[str, Any]) -> TicketTriaged:
    return ticket.model_copy(update={"evidence": {**ticket.evidence, **evidence}})


async def _preview(
    explainer: Explainer, runbook: Runbook, ticket: TicketTriaged, params: Mapping[str, str]
) -> Preview:
    ranking = match(Library((runbook,)), ticket.alert, ticket.severity)
    candidate = (*ranking.matches, *ranking.others)[0]
    try:
        plan = explainer.planner.drafted(ticket, candidate, given=params)
    except (UnfilledError, UnrenderedError) as error:
        raise NotPreviewedError(f"{runbook.name} makes no plan of this alert: {error}") from error
    around = await explainer.around(ticket, plan)
    rulings = explainer.bench.rulings(ticket, plan, explainer.policy, around)
    ruled = zip(plan.steps, rulings, strict=True)
    steps = tuple(step.under(explainer.bench.approval(one)) for step, one in ruled)
    labels = ticket.alert.labels
    obstacles = dict.fromkeys(explainer.planner.obstacles(plan.steps, plan.verify, labels))
    return Preview(
        explainer.books,
        ticket,
        plan.model_copy(update={"steps": steps}),
        rulings,
        bool(ranking.matches),
        tuple(obstacles),
    )


def _said(ruling: Ruling) -> dict[str, Any]:
    return {"outcome": ruling.outcome.value, "rule": ruling.rule, "reason": ruling.reason}


def _print(one: Preview) -> None:
    plan = one.plan
    say(f"{plan.runbook.title} ({plan.runbook.name}, version {plan.runbook.version})", style="bold")
    fits = "for this alert" if one.matched else "NOT for this alert"
    say(f"{one.ticket.alert.title} ({one.ticket.severity}): {fits}: {', '.join(plan.reasons)}\n")
    params = table("parameter", "value", "from")
    for name, value in plan.params.items():
        add(params, name, value, plan.origins.get(name, ""))
    console().print(params)
    for number, (step, ruling) in enumerate(zip(plan.steps, one.rulings, strict=True), 1):
        _print_step(number, step, ruling)
    say()
    for check in plan.verify:
        say(f"verify   {_check(check)}")
    for obstacle in one.obstacles:
        say(f"in the way: {obstacle}", style="red")
    say("\nNothing was run.", style="dim")


def _print_step(number: int, step: Step, ruling: Ruling) -> None:
    say(f"\n{number}. {step.title} ({step.id})", style="bold")
    shown = table("", "", header=False)
    if step.includes is not None:
        add(shown, "  runs", f"the runbook {step.includes.name}, version {step.includes.version}")
    else:
        add(shown, "  on", f"{step.target} ({step.uses})")
        add(shown, "  command", step.run.strip())
        add(shown, "  risk", colored(step.risk))
        add(shown, "  approval", _approval(step, ruling))
    if step.foreach is not None:
        add(shown, "  for each", f"{step.foreach.item} of {step.foreach.items}")
    if step.needs:
        first = "the first of " if step.join.value == "first" else ""
        add(shown, "  after", first + ", ".join(step.needs))
    if step.when:
        add(shown, "  when", step.when)
    if step.late is not None:
        add(shown, "  later", f"written when {', '.join(step.needs) or step.parent} has ended")
    if step.rollback:
        add(shown, "  undone by", step.rollback.strip())
    add(shown, "  why", step.why)
    if step.expects:
        add(shown, "  expects", step.expects)
    console().print(shown)


def _approval(step: Step, ruling: Ruling) -> str:
    if ruling.outcome is Outcome.DENY:
        return f"denied by {ruling.rule}: {ruling.reason}"
    people = {0: "nobody is asked", 1: "one person"}.get(step.approval.required, "two people")
    return f"{people}: {step.approval.reason}"


def _check(check: Check) -> str:
    fields = check.model_dump(mode="json", exclude={"uses"}, exclude_none=True)
    return f"{check.uses}: " + ", ".join(f"{name} {value}" for name, value in fields.items())
