"""``handrail runbook run NAME``: a plan that a person asks for, followed to its end."""

import asyncio
from collections.abc import Mapping
from typing import Any

import typer

from deploy.commands.runbook_tools import runbook_named
from deploy.connection import Place
from deploy.explanation import Explainer, explaining, ticket_of, triaged
from deploy.library import tell, tell_refused
from deploy.output import say, show_json
from deploy.running import Ended, check, followed, made_up, request
from deploy.speaking import NotDoneError, Voice, speaking
from services.planner.requested import drafted
from shared.events import Alert, PlanRequested, TicketEscalated


def ask_for(
    name: str,
    ticket: str | None,
    *,
    labels: Mapping[str, str],
    params: Mapping[str, str],
    reason: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Have a runbook planned and run by the policy; ends with 1 where it did not succeed.

    Raises:
        NotDoneError: it makes no sense for this ticket or with these values; says why.
    """
    said, ended = asyncio.run(_do(name, ticket, labels, params, reason, wait=wait, quiet=as_json))
    if as_json:
        show_json(_fields(said, ended))
    elif ended is None:
        say(f"Asked for {name}, for ticket {said.ticket_id}, as session {said.session_id}.")
    else:
        _tell(ended)
    if ended is not None and not ended.succeeded:
        raise typer.Exit(1)


async def _do(
    name: str,
    ticket_id: str | None,
    labels: Mapping[str, str],
    params: Mapping[str, str],
    reason: str,
    *,
    wait: bool,
    quiet: bool,
) -> tuple[PlanRequested, Ended | None]:
    async with speaking(Place.of()) as voice:
        ticket = await voice.reader.ticket(ticket_id) if ticket_id else None
        if ticket is not None:
            check(ticket)
        async with explaining() as explainer:
            alert = _alert(name, labels, explainer) if ticket is None else None
            said = request(name, ticket, alert, params, reason)
            await _try(explainer, said, ticket_id)
        await voice.say(voice.signer.signed_request(said))
        return said, await _followed(voice, said, quiet=quiet) if wait else None


async def _followed(voice: Voice, said: PlanRequested, *, quiet: bool) -> Ended:
    return await followed(voice, said, _silent if quiet else say)


def _alert(name: str, labels: Mapping[str, str], explainer: Explainer) -> Alert:
    tell(explainer.books)
    tell_refused(explainer.planner.library)
    content = runbook_named(name, explainer.planner.library).content
    kinds = [one for one in content.match.alerts if not {"*", "?"} & set(one)]
    return made_up(name, labels, kinds[0] if kinds else name)


async def _try(explainer: Explainer, said: PlanRequested, ticket_id: str | None) -> None:
    """Draft it here, so that what cannot be planned is told at once and opens no ticket."""
    if said.alert is not None:
        ticket = triaged(said.alert)
    elif explainer.db is not None and ticket_id is not None:
        ticket = await ticket_of(explainer.db, ticket_id)
    else:
        return
    made = drafted(explainer.planner, ticket, said)
    if isinstance(made, TicketEscalated):
        more = "".join(f"\n  {one}" for one in made.tried[1:])
        raise NotDoneError(f"{made.reason}{more}")


def _silent(_line: str) -> None:
    """With --json, only the end is told."""


def _tell(ended: Ended) -> None:
    ticket, session = ended.ticket, ended.session
    if session is None:
        why = ticket.escalated.reason if ticket.escalated else ""
        say(f"Nothing ran; ticket {ticket.id} is {ticket.state}: {why}", style="red")
        return
    color = "green" if ended.succeeded else "red"
    say(f"The session {session.state}; ticket {ticket.id} is {ticket.state}.", style=color)
    if not ended.succeeded and ticket.escalated:
        say(ticket.escalated.reason)


def _fields(said: PlanRequested, ended: Ended | None) -> dict[str, Any]:
    session = ended.session if ended else None
    return {
        "ticket_id": said.ticket_id,
        "session_id": said.session_id,
        "runbook": said.runbook,
        "params": said.params,
        "succeeded": ended.succeeded if ended else None,
        "session": session.state if session else None,
        "ticket": ended.ticket.state if ended else None,
        "reason": ended.ticket.escalated.reason if ended and ended.ticket.escalated else "",
    }
