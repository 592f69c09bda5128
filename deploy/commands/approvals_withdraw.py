"""``handrail approvals withdraw``: an answer from this terminal is taken back."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deploy.connection import Place
from deploy.decisions import decide
from deploy.output import AsJson, say, show_json, when
from services.notifier.approval import ANSWERED, Approval
from shared.events import Answer
from shared.lifecycle import ApprovalState


def withdraw(
    approval_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the others.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take back what was answered from this terminal, as long as the step has not begun."""
    said: dict[str, Any] = asyncio.run(
        decide(Place.of(), approval_id, Answer.WITHDRAW, reason=reason)
    )
    if as_json:
        show_json(said)
    elif said["state"] == ApprovalState.PENDING:
        say(f"Taken back. It needs {said['wanted']}; you may answer again.")
    else:
        say("Taken back. If the step has not begun by then, it is asked about anew:")
        say("`handrail approvals show` of this one says whether that is so.")


def lines(approval: Approval) -> Iterator[tuple[str, str]]:
    """Who said what, whose yes is missing, and what it has to do with other questions."""
    if approval.again:
        yield "asked again", approval.again
    yield "needed", approval.needed
    yield "yes so far", f"{approval.approvals} of {approval.quorum.needed}"
    for said in approval.decisions:
        reason = f": {said.reason}" if said.reason else ""
        yield said.told_by, f"{ANSWERED[said.answer]} {when(said.at)}{reason}"
    if approval.state is ApprovalState.PENDING:
        yield "missing", approval.lacks
        yield "otherwise", approval.otherwise
    if approval.is_being_taken_back and approval.state is ApprovalState.APPROVED:
        yield "taken back", "it is asked about anew, unless the step had begun"
    if approval.superseded_by is not None:
        yield "asked anew as", str(approval.superseded_by)
