"""``handrail approvals watch``: what waits for an answer, as it changes."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from rich.console import Group
from rich.live import Live
from rich.text import Text

from deploy.commands.approvals_list import listed
from deploy.connection import Place, reading
from deploy.interrupts import run_until_stopped
from deploy.output import AsJson, console, say, show_line
from deploy.store import Reader
from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.inquiry import Inquiry
from services.notifier.question import Question
from shared.lifecycle import ApprovalState

#: How old what is shown may be.
PAUSE: Final = timedelta(seconds=1)
_MOST: Final = 200
_SHOWN: Final = 30


class What(StrEnum):
    """What can happen to a question."""

    ASKED = "asked"
    ANSWERED = "answered"
    SETTLED = "settled"


@dataclass(frozen=True)
class Change:
    """Something that happened to a question, with how it stands since."""

    what: What
    question: Question


def watch(*, as_json: AsJson = False) -> None:
    """Show what waits for an answer as it changes, until Ctrl-C; `approve ID` answers elsewhere.

    Where nobody sits at a terminal, and with --json, each change is a line.
    """
    live = console().is_terminal and not as_json
    run_until_stopped(_live() if live else _lines(as_json=as_json))


async def _live() -> None:
    async with reading(Place.of()) as reader:
        with Live(console=console(), auto_refresh=False) as screen:
            async for waiting, _ in looks(reader):
                head = f"{len(waiting)} wait for an answer, {datetime.now(UTC):%H:%M:%S} UTC"
                more = len(waiting) - _SHOWN
                foot = Text(f"and {more} more" if more > 0 else "")
                shown = Group(Text(head, style="bold"), listed(waiting[:_SHOWN]), foot)
                screen.update(shown, refresh=True)


async def _lines(*, as_json: bool) -> None:
    async with reading(Place.of()) as reader:
        async for _, changes in looks(reader):
            for change in changes:
                _tell(change, as_json=as_json)


def _tell(change: Change, *, as_json: bool) -> None:
    question = change.question
    if as_json:
        show_line({"what": change.what, **question.model_dump(mode="json", exclude={"trace"})})
        return
    state = f" {question.state}" if change.what is What.SETTLED else ""
    title = question.title if isinstance(question, Approval | Choice | Inquiry) else "?"
    say(f"{str(question.id)[:8]} {change.what}{state}: {title}, {question.ticket_title}")


async def looks(
    reader: Reader, *, pause: timedelta = PAUSE
) -> AsyncIterator[tuple[list[Question], list[Change]]]:
    """What waits, those that expire first before the others, and what changed since the last look.

    Raises:
        UnavailableError: the store went away.
    """
    before: dict[UUID, Question] = {}
    while True:
        found = await reader.approvals(state=ApprovalState.PENDING, limit=_MOST)
        waiting = sorted(found, key=lambda one: one.expires_at)
        changes = list(changed(before, waiting))
        gone = before.keys() - {one.id for one in waiting}
        for question_id in gone:
            settled = await reader.approval(str(question_id))
            if settled.state is not ApprovalState.PENDING:
                changes.append(Change(What.SETTLED, settled))
        yield waiting, changes
        before = {one.id: one for one in waiting}
        await asyncio.sleep(pause.total_seconds())


def changed(before: Mapping[UUID, Question], waiting: Iterable[Question]) -> Iterator[Change]:
    """What is new among what waits, or was answered since."""
    for question in waiting:
        known = before.get(question.id)
        if known is None:
            yield Change(What.ASKED, question)
        elif len(question.answers) > len(known.answers):
            yield Change(What.ANSWERED, question)
