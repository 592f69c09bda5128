"""``handrail ticket resolve|close``: a ticket that a person ends, and why."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import uuid4

import typer

from deploy.connection import Place
from deploy.output import AsJson, say, show_json
from deploy.person import person
from deploy.speaking import PATIENCE, NotDoneError, Voice, speaking, until
from deploy.views import Ticket
from services.verifier.byhand.ending import ENDS_FROM
from shared.events import TicketDirected, TicketDirective
from shared.lifecycle import TICKET_ENDED, TicketState

TicketId = Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the timeline.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is done.")]

_BECOMES: Final = {
    TicketDirective.RESOLVE: TicketState.RESOLVED,
    TicketDirective.CLOSE: TicketState.CLOSED,
}


def resolve(
    ticket_id: TicketId, *, reason: Reason, no_wait: NoWait = False, as_json: AsJson = False
) -> None:
    """Say that the problem is gone; no machine checks it."""
    _end(ticket_id, TicketDirective.RESOLVE, reason, wait=not no_wait, as_json=as_json)


def close(
    ticket_id: TicketId, *, reason: Reason, no_wait: NoWait = False, as_json: AsJson = False
) -> None:
    """Say that nobody has to do anything: it was no problem, or it is done with."""
    _end(ticket_id, TicketDirective.CLOSE, reason, wait=not no_wait, as_json=as_json)


def _end(
    prefix: str, directive: TicketDirective, reason: str, *, wait: bool, as_json: bool
) -> None:
    if not reason.strip():
        raise NotDoneError("--reason: say why, for whoever reads the timeline")
    before, after = asyncio.run(_ended(prefix, directive, reason.strip(), wait=wait))
    if as_json:
        state = after.state if after else None
        show_json({"ticket_id": before.id, "was": before.state, "is": state})
    elif after is None:
        say(f"Said: ticket {before.id} was {before.state}, and is to be {_BECOMES[directive]}.")
    else:
        say(f"Ticket {before.id} was {before.state}; it is {after.state}.")


async def _ended(
    prefix: str, directive: TicketDirective, reason: str, *, wait: bool
) -> tuple[Ticket, Ticket | None]:
    async with speaking(Place.of()) as voice:
        ticket = await voice.reader.ticket(prefix)
        if objection := _objection(ticket, directive):
            raise NotDoneError(objection)
        said = TicketDirected(
            id=uuid4(),
            ticket_id=ticket.id,
            directive=directive,
            by=person(),
            at=datetime.now(UTC),
            reason=reason,
        )
        await voice.say(voice.signer.signed_request(said))
        return ticket, await _done(voice, ticket, directive) if wait else None


async def _done(voice: Voice, ticket: Ticket, directive: TicketDirective) -> Ticket:
    async def look() -> Ticket | None:
        now = await voice.reader.ticket(str(ticket.id))
        return now if now.state is _BECOMES[directive] else None

    slow = (
        f"it was not done within {PATIENCE.total_seconds():g} s: something else became of the "
        "ticket, or the verifier does not run (`handrail doctor` says what is wrong)"
    )
    return await until(look, within=PATIENCE, otherwise=slow)


def _objection(ticket: Ticket, directive: TicketDirective) -> str:
    """Why the ticket cannot end so; empty where it can."""
    if ticket.state in ENDS_FROM[directive]:
        return ""
    it_is = f"ticket {ticket.id} is {ticket.state}"
    if ticket.state in TICKET_ENDED:
        return f"{it_is} already"
    if ticket.state in ENDS_FROM[TicketDirective.RESOLVE]:
        return f"{it_is}: say `handrail ticket resolve`"
    session = f" {ticket.session_id}" if ticket.session_id else ""
    return f"{it_is}, its plan is under way: `handrail session cancel{session}` ends that first"
