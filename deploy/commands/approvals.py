"""``handrail approvals``: what waits for a person's yes, and the answer to it."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from deploy.connection import Place, reading
from deploy.decisions import decide
from deploy.output import AsJson, add, ago, colored, console, say, show_json, table
from services.notifier.approval import Approval
from shared.errors import HandrailError
from shared.events import Answer
from shared.lifecycle import ApprovalState


class NotConfirmedError(HandrailError):
    """A yes that nobody could look at first does not count."""


app = typer.Typer(
    add_completion=False, help="What waits for a person's yes; without a command, the list of it."
)

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
    approval = asyncio.run(_one(approval_id))
    if as_json:
        show_json(_fields(approval))
    else:
        _print(approval)


@app.command()
def approve(
    approval_id: ApprovalId,
    *,
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask once more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say yes to exactly this step, in the name of whoever is logged in here."""
    approval = asyncio.run(_one(approval_id))
    if not yes:
        _print(approval)
        if not sys.stdin.isatty():
            raise NotConfirmedError("nobody is at the terminal to look at this: say --yes")
        typer.confirm("May this run?", abort=True)
    _answer(str(approval.id), Answer.APPROVE, reason, as_json=as_json)


@app.command()
def reject(
    approval_id: ApprovalId,
    *,
    reason: Annotated[str, typer.Option(help="Why not; it is kept with the answer.")],
    as_json: AsJson = False,
) -> None:
    """Say no to this step."""
    _answer(approval_id, Answer.REJECT, reason, as_json=as_json)


def _print(approval: Approval) -> None:
    shown = table("", "")
    for name, value in (
        ("command", approval.command),
        ("target", f"{approval.target} ({approval.connector})"),
        ("risk", approval.risk),
        ("ticket", f"{approval.ticket_title} ({str(approval.ticket_id)[:8]})"),
        ("why", approval.why),
        ("known", "\n".join(approval.evidence)),
        ("taken back by", approval.rollback or "nothing"),
        ("yes so far", f"{approval.approvals} of {approval.required}"),
        ("state", f"{approval.state}, expires {ago(approval.expires_at)}"),
    ):
        add(shown, name, value)
    console().print(shown)


async def _one(prefix: str) -> Approval:
    async with reading(Place.of()) as reader:
        return await reader.approval(prefix)


def _show(state: ApprovalState, limit: int, *, as_json: bool) -> None:
    found = asyncio.run(_list(state, limit))
    if as_json:
        show_json([_fields(approval) for approval in found])
        return
    shown = table("id", "ticket", "risk", "state", "target", "command", "yes", "expires")
    for approval in found:
        add(
            shown,
            str(approval.id)[:8],
            f"{approval.ticket_title} ({str(approval.ticket_id)[:8]})",
            approval.risk,
            colored(approval.state),
            f"{approval.connector} {approval.target}",
            approval.command,
            f"{approval.approvals} of {approval.required}",
            ago(approval.expires_at),
        )
    if found:
        console().print(shown)
    else:
        say(f"No approval is {state}.")


async def _list(state: ApprovalState, limit: int) -> list[Approval]:
    async with reading(Place.of()) as reader:
        return await reader.approvals(state=state, limit=limit)


def _answer(approval_id: str, answer: Answer, reason: str, *, as_json: bool) -> None:
    said: dict[str, Any] = asyncio.run(decide(Place.of(), approval_id, answer, reason=reason))
    if as_json:
        show_json(said)
        return
    say(f"Recorded: {said['command']} on {said['target']} is {said['state']}.")
    if said["state"] == ApprovalState.PENDING:
        left = said["required"] - said["approvals"]
        say(f"It needs {left} more yes, from somebody else.")


def _fields(approval: Approval) -> dict[str, Any]:
    return {
        **approval.model_dump(mode="json", exclude={"trace"}),
        "open": approval.open_at(datetime.now(UTC)),
    }
