"""``handrail ticket``: the problems, what happened to them, and how one ends by hand."""

import asyncio
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from deploy.commands import ticket_endings
from deploy.connection import Place, reading
from deploy.output import AsJson, add, ago, colored, console, say, show_json, table, times, when
from deploy.views import Family, Ticket, Timeline
from services.executor.session import Session
from services.notifier.feedback.feedback import Feedback
from shared.lifecycle import TICKET_ENDED, TicketState

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The problems, and what happened to them."
)

for _command in (ticket_endings.resolve, ticket_endings.close):
    app.command()(_command)

TicketId = Annotated[str, typer.Argument(metavar="ID", help="A ticket's id, or how it begins.")]


@app.command("list")
def list_(
    *,
    state: Annotated[TicketState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest tickets."""
    tickets, children, waiting = asyncio.run(_list(state, limit))
    if as_json:
        show_json(tickets)
        return
    shown = table("id", "severity", "state", "title", "source", "count", "opened", "note")
    for ticket in tickets:
        add(
            shown,
            str(ticket.id)[:8],
            colored(ticket.severity),
            colored(ticket.state),
            ticket.title,
            ticket.source,
            str(ticket.count),
            ago(ticket.created_at),
            ", ".join(_notes(ticket, children.get(ticket.id, 0), waits=ticket.id in waiting)),
        )
    if tickets:
        console().print(shown)
    else:
        say("There are no such tickets.")


@app.command()
def show(ticket_id: TicketId, *, as_json: AsJson = False) -> None:
    """Show one ticket: its alert, its verdict, what was tried, how it ended."""
    ticket, family, sessions, feedback = asyncio.run(_show(ticket_id))
    if as_json:
        said = {**ticket.model_dump(mode="json"), **family.model_dump(mode="json")}
        given = [each.model_dump(mode="json", exclude={"ticket_id"}) for each in feedback]
        show_json({**said, "sessions": [s.id for s in sessions], "feedback": given})
        return
    shown = table("", "", header=False)
    for name, value in (*_facts(ticket), *_relatives(family), *map(_told, feedback)):
        add(shown, Text(name, style="dim"), value)
    console().print(shown)
    for session in sessions:
        say(f"\nsession {session.id}: {session.state}, by {session.runbook.title}")
        for line in session.tried():
            say(f"  {line}")


@app.command()
def timeline(ticket_id: TicketId, *, as_json: AsJson = False) -> None:
    """Show all that happened to a ticket; ends with 1 when the record was changed."""
    life = asyncio.run(_timeline(ticket_id))
    if as_json:
        show_json(life.model_dump(mode="json"))
    else:
        _print_timeline(life)
    if not life.intact:
        raise typer.Exit(1)


async def _list(
    state: TicketState | None, limit: int
) -> tuple[list[Ticket], dict[UUID, int], set[UUID]]:
    async with reading(Place.of()) as reader:
        tickets = await reader.tickets(state=state, limit=limit)
        return tickets, await reader.children(tickets), await reader.waiting(tickets)


async def _show(ticket_id: str) -> tuple[Ticket, Family, list[Session], tuple[Feedback, ...]]:
    async with reading(Place.of()) as reader:
        ticket = await reader.ticket(ticket_id)
        sessions = await reader.sessions_of(ticket.id)
        return ticket, await reader.family(ticket), sessions, await reader.feedback(ticket.id)


async def _timeline(ticket_id: str) -> Timeline:
    async with reading(Place.of()) as reader:
        return await reader.timeline(ticket_id)


def _facts(ticket: Ticket) -> Iterator[tuple[str, str | Text]]:
    yield "ticket", str(ticket.id)
    yield "title", ticket.title
    yield "state", colored(ticket.state)
    yield "severity", colored(ticket.severity)
    yield "source", f"{ticket.source}, {times(ticket.count)}, last {when(ticket.last_seen_at)}"
    if ticket.alert.requested_by:
        yield "asked for by", ticket.alert.requested_by
    yield "opened", when(ticket.created_at)
    yield "changed", when(ticket.updated_at)
    for name, value in sorted(ticket.alert.labels.items()):
        yield f"  {name}", value
    if ticket.verdict:
        yield "verdict", f"{ticket.verdict.verdict} ({ticket.verdict.confidence:.0%})"
        yield "because", "\n".join(ticket.verdict.reasons)
        if ticket.verdict.looked:
            yield "looked at", "\n".join(look.line for look in ticket.verdict.looked)
    if ticket.source_resolved_at:
        yield "source says", f"resolved {when(ticket.source_resolved_at)}"
    yield from _turns(ticket)
    if ticket.waits_for:
        choice = ticket.waits_for
        asked = f"which runbook to use, since {when(choice.asked_at)}, until"
        yield "asked", f"{asked} {when(choice.expires_at)}: handrail approvals show {choice.id}"
    before = " before" if ticket.reopened and ticket.state not in TICKET_ENDED else ""
    if ticket.escalated:
        now = ticket.state is TicketState.ESCALATED
        yield "escalated" if now else f"escalated{before}", ticket.escalated.reason
    if ticket.resolved:
        said = f"{ticket.resolved.resolution} {ticket.resolved.summary}".strip()
        yield f"resolved{before}", said


def _told(feedback: Feedback) -> tuple[str, str]:
    """What a person said of how it ended."""
    fixed = "fixed" if feedback.fixed else "not fixed"
    comment = f": {feedback.comment}" if feedback.comment else ""
    return "feedback", f"{feedback.by}: {fixed}, {feedback.stars} of 5 stars{comment}"


def _turns(ticket: Ticket) -> Iterator[tuple[str, str]]:
    """What is out of the usual way with it."""
    if ticket.suppressed:
        quiet = ticket.suppressed
        reason = f": {quiet.reason}" if quiet.reason else ""
        yield "suppressed", f"by {quiet.window} until {when(quiet.until)}{reason}"
    if ticket.reopened:
        yield "reopened", f"{times(ticket.reopened.number)}, because {ticket.reopened.reason}"
    if ticket.flapping:
        yield "flaps", ticket.flapping.because


def _relatives(family: Family) -> Iterator[tuple[str, str]]:
    if family.parent:
        parent = family.parent
        yield "parent", f"{str(parent.id)[:8]} {parent.state} {parent.title}\n{parent.reason}"
    for at, child in enumerate(family.children):
        name = "" if at else "children"
        yield name, f"{str(child.id)[:8]} {child.state} {child.title}\n{child.reason}"


def _notes(ticket: Ticket, children: int, *, waits: bool) -> Iterator[str]:
    """What its state does not say of a ticket."""
    if waits:
        yield "waits for an answer"
    if ticket.flapping:
        yield "flaps"
    if ticket.suppressed:
        yield f"maintenance: {ticket.suppressed.window}"
    if ticket.parent_id:
        yield f"under {str(ticket.parent_id)[:8]}"
    if children:
        yield f"leads {children}"


def _print_timeline(life: Timeline) -> None:
    shown = table("#", "at", "event", "who", "what", "why")
    # The chain is in the order of recording; what people read is in the order of happening.
    for entry in sorted(life.entries, key=lambda entry: (entry.at, entry.seq)):
        what, why = (" ".join(text.split()) for text in (entry.what, entry.why))
        add(shown, str(entry.seq), when(entry.at), entry.subject, entry.who, what, why)
    console().print(shown)
    if life.intact:
        say(f"\nThe record is intact: {len(life.entries)} entries.", style="green")
    else:
        say(f"\nThe record was changed at entry {life.broken_at}.", style="bold red")
