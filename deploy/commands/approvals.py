"""``handrail approvals``: what waits for a person's word, and the answer to it."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from deploy.commands import (
    approvals_answer,
    approvals_audit,
    approvals_change,
    approvals_standing,
    approvals_watch,
    approvals_withdraw,
)
from deploy.commands.approvals_list import listed
from deploy.connection import Place, reading
from deploy.decisions import choose, decide
from deploy.output import AsJson, add, ago, console, say, show_json, table, when
from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.inquiry import Inquiry
from services.notifier.question import Question
from shared.errors import HandrailError
from shared.events import Answer, Option
from shared.lifecycle import ApprovalState


class NotConfirmedError(HandrailError):
    """A yes that nobody could look at first does not count."""


app = typer.Typer(
    add_completion=False,
    help="What waits for a person's answer; without a command, the list of it.",
)

app.command()(approvals_answer.answer)
app.command()(approvals_audit.audit)
app.command()(approvals_watch.watch)
app.command()(approvals_withdraw.withdraw)
app.command()(approvals_change.change)
for _in_advance in (
    approvals_standing.delegate,
    approvals_standing.delegations,
    approvals_standing.allow,
    approvals_standing.windows,
    approvals_standing.end,
):
    app.command()(_in_advance)

ApprovalId = Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the answer.")]


@app.callback(invoke_without_command=True)
def approvals(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Without a command, show what waits for an answer."""
    if context.invoked_subcommand is None:
        _show(ApprovalState.PENDING, 50, as_json=as_json)


@app.command("list")
def list_(
    *,
    state: Annotated[ApprovalState, typer.Option(help="Those in this state.")] = (
        ApprovalState.PENDING
    ),
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what waits for an answer."""
    _show(state, limit, as_json=as_json)


@app.command()
def show(approval_id: ApprovalId, *, as_json: AsJson = False) -> None:
    """Show one question in full: what would run, where, why, and what is known."""
    question = asyncio.run(_one(approval_id))
    if as_json:
        show_json(_fields(question))
    else:
        _print(question)


@app.command()
def approve(
    approval_id: ApprovalId,
    *,
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask once more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say yes to exactly this step, in the name of whoever is logged in here."""
    question = asyncio.run(_one(approval_id))
    if not yes:
        _print(question)
        if not sys.stdin.isatty():
            raise NotConfirmedError("nobody is at the terminal to look at this: say --yes")
        typer.confirm("May this run?", abort=True)
    _answer(str(question.id), Answer.APPROVE, reason, as_json=as_json)


@app.command("choose")
def choose_(
    approval_id: ApprovalId,
    name: Annotated[str, typer.Argument(help="The runbook; `none`: you take over yourself.")],
    *,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Say which runbook is used, where none is clearly the one; see `show`."""
    said: dict[str, Any] = asyncio.run(choose(Place.of(), approval_id, name, reason=reason))
    if as_json:
        show_json(said)
    elif said["chosen"] is None:
        say("Recorded: no runbook is used. The ticket is yours.")
    else:
        say(f"Recorded: {said['chosen']} is used. Steps that need a yes are still asked for.")


@app.command()
def reject(
    approval_id: ApprovalId,
    *,
    reason: Annotated[str, typer.Option(help="Why not; it is kept with the answer.")],
    as_json: AsJson = False,
) -> None:
    """Say no to this step."""
    _answer(approval_id, Answer.REJECT, reason, as_json=as_json)


def _print(question: Question) -> None:
    shown = table("", "")
    for name, value in _lines(question):
        add(shown, name, value)
    console().print(shown)


def _lines(question: Question) -> Iterator[tuple[str, str]]:
    ticket = f"{question.ticket_title} ({str(question.ticket_id)[:8]})"
    match question:
        case Approval():
            yield "command", question.command
            yield "target", f"{question.target} ({question.connector})"
            yield "risk", question.risk
            yield "ticket", ticket
            yield "why", question.why
            if question.requester:
                barred = ", whose own yes does not count" if question.not_requester else ""
                yield "asked for by", f"{question.requester}{barred}"
            if question.co_requesters and question.not_requester:
                others = ", ".join(question.co_requesters)
                yield "planned or written by", f"{others}, whose own yes does not count"
            yield "known", "\n".join(question.evidence)
            if question.check:
                yield "done already if", question.check
            yield "taken back by", question.rollback or "nothing"
            if question.dry_run:
                yield "would change", question.dry_run
            yield from approvals_change.lines(question)
            yield from approvals_withdraw.lines(question)
        case Choice():
            yield "asked", "which runbook is used"
            yield "ticket", ticket
            yield "why", question.because
            for option in question.options:
                yield option.name, _option(option)
        case Inquiry():
            yield from approvals_answer.lines(question)
    yield "told", "\n".join(_told(question))
    yield "state", f"{question.state}, expires {ago(question.expires_at)}"


def _told(question: Question) -> Iterator[str]:
    """Who was told, how and when, and what comes next by its route."""
    for to in question.recipients:
        again = f", {to.round}" if to.round else ""
        error = f": {to.error}" if to.error else ""
        yield f"{to.name} ({to.over}{again}) {to.status} {when(to.at)}{error}".strip()
    routing = question.routing
    if routing and question.open_at(datetime.now(UTC)) and routing.next_at:
        yield f"by the route {routing.route.name}, looked at again {ago(routing.next_at)}"


def _option(option: Option) -> str:
    if not option.usable:
        return f"{option.runbook.title}\ncannot be used: {'; '.join(option.hinders)}"
    steps = [f"{step.target} ({step.connector}): {step.command.strip()}" for step in option.steps]
    return "\n".join((f"{option.runbook.title}, {option.risk} risk", *steps))


async def _one(prefix: str) -> Question:
    async with reading(Place.of()) as reader:
        return await reader.approval(prefix)


def _show(state: ApprovalState, limit: int, *, as_json: bool) -> None:
    found = asyncio.run(_list(state, limit))
    if as_json:
        show_json([_fields(question) for question in found])
        return
    if found:
        console().print(listed(found))
    else:
        say(f"No approval is {state}.")


async def _list(state: ApprovalState, limit: int) -> list[Question]:
    async with reading(Place.of()) as reader:
        return await reader.approvals(state=state, limit=limit)


def _answer(approval_id: str, answer: Answer, reason: str, *, as_json: bool) -> None:
    said: dict[str, Any] = asyncio.run(decide(Place.of(), approval_id, answer, reason=reason))
    if as_json:
        show_json(said)
        return
    on = f" on {said['target']}" if said["target"] else ""
    say(f"Recorded: {said['command']}{on} is {said['state']}.")
    if said["state"] == ApprovalState.PENDING:
        say(f"It needs {said['wanted']}, from somebody else.")


def _fields(question: Question) -> dict[str, Any]:
    return {
        **question.model_dump(mode="json", exclude={"trace"}),
        "open": question.open_at(datetime.now(UTC)),
    }
