"""``handrail approvals audit``: who saw a question, who pressed what, and what came of it."""

import asyncio
from typing import Annotated

import typer

from deploy.connection import Place, reading
from deploy.output import AsJson, add, console, say, show_json, table, when
from services.notifier.audit.entry import Entry
from services.notifier.question import Question
from shared.lifecycle import ApprovalState


def audit(
    approval_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show who saw one question and who answered it: when, how, and from where."""
    question, entries = asyncio.run(_trail(approval_id))
    if as_json:
        show_json(
            {
                "approval_id": str(question.id),
                "state": question.state.value,
                "entries": [entry.model_dump(mode="json") for entry in entries],
            }
        )
        return
    if entries:
        _print(entries)
    else:
        say("Nobody has opened it.")
    # What stands in its place may have come after it was settled.
    ended = None if question.state is ApprovalState.SUPERSEDED else question.settled_at
    settled = f", since {when(ended)}" if ended else ""
    say(f"It is {question.state}{settled}.")


async def _trail(prefix: str) -> tuple[Question, tuple[Entry, ...]]:
    async with reading(Place.of()) as reader:
        return await reader.audit(prefix)


def _print(entries: tuple[Entry, ...]) -> None:
    shown = table("when", "who", "by", "did", "said", "address", "program")
    for entry in entries:
        add(
            shown,
            when(entry.at),
            entry.by,
            entry.channel,
            entry.action,
            entry.detail,
            entry.address,
            entry.agent,
        )
    console().print(shown)
