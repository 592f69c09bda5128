"""`/handrail` in Slack: what waits, what exactly it is, and an answer to exactly that."""

from collections.abc import Iterator
from typing import Final

from services.notifier.approval import Approval
from services.notifier.channels.answering import TOO_LONG, Answering
from services.notifier.channels.plain import CHECK, DRY_RUN
from services.notifier.channels.slack.blocks import COMMAND_LENGTH, shows_all
from services.notifier.choice import Choice
from services.notifier.inquiry import Inquiry
from services.notifier.question import Question
from services.notifier.rendering import moment
from services.notifier.store import Questions
from services.notifier.text import one_line, visible
from shared.config import Person

USAGE: Final = (
    "/handrail pending: what waits for an answer\n"
    "/handrail show CODE: all of one question\n"
    "/handrail approve CODE: let exactly that run\n"
    "/handrail reject CODE REASON: do not let it run"
)
UNKNOWN: Final = "Nothing that waits has this code. /handrail pending lists what does."
NOT_HERE: Final = "Choose the runbook by the buttons of its message, or by the link in your mail."

BY_LINK: Final = "Answer by the buttons of its message, or by the link in your mail."

_MOST: Final = 20
_CODE: Final = 8


def code_of(question: Question) -> str:
    """What names a question and what exactly is asked: it changes when that does."""
    return f"{question.id.hex[:_CODE]}-{question.bound_to[:_CODE]}"


class Commands:
    """Answers in plain text."""

    def __init__(self, questions: Questions, answering: Answering) -> None:
        self._questions = questions
        self._answering = answering

    async def answer(self, text: str, by: Person) -> str:
        """What to tell a person who typed this after `/handrail`."""
        word, _, rest = text.strip().partition(" ")
        match word.lower():
            case "pending" | "":
                return await self._pending(by)
            case "show" | "approve" | "reject":
                return await self._one(word.lower(), rest.strip(), by)
        return USAGE

    async def _pending(self, by: Person) -> str:
        waiting = await self._questions.pending(_MOST)
        lines = [
            f"{code_of(q)}  [{q.severity}] {_title(q)}: {one_line(q.ticket_title)}, "
            f"until {moment(q.expires_at, by.timezone)}"
            for q in waiting
        ]
        return "\n".join([*lines, "", USAGE]) if lines else "Nothing waits for an answer."

    async def _one(self, word: str, rest: str, by: Person) -> str:
        code, _, reason = rest.partition(" ")
        waiting = await self._questions.pending(None)
        question = next((each for each in waiting if code_of(each) == code), None)
        if question is None:
            return UNKNOWN
        if word == "show":
            return "\n".join(_shown(question, by.timezone))
        if isinstance(question, Inquiry):
            return BY_LINK
        if not isinstance(question, Approval):
            return NOT_HERE
        if word == "approve":
            return await self._answering.approve(question, by)
        return await self._answering.reject(question, by, reason)


def _title(question: Question) -> str:
    if isinstance(question, Approval | Choice | Inquiry):
        return one_line(question.title)
    return "?"


def _step(approval: Approval) -> Iterator[str]:
    """All that a yes is to, and how to give it; or its command and why there is no yes here."""
    whole = shows_all(approval)
    parts = {"The command, exactly as it runs": approval.command}
    if whole:
        parts[CHECK] = approval.check or ""
        parts["What takes it back"] = approval.rollback or "nothing, this step has no rollback"
        parts[DRY_RUN] = approval.dry_run
    for label, text in parts.items():
        if text:
            yield f"{label}:"
            yield from (f"    {line}" for line in visible(text)[:COMMAND_LENGTH].splitlines())
    yield f"Answer: /handrail approve {code_of(approval)}" if whole else TOO_LONG


def _shown(question: Question, zone: str) -> Iterator[str]:
    yield f"[{question.severity}] {_title(question)}: {one_line(question.ticket_title)}"
    match question:
        case Approval():
            yield f"Where: {one_line(question.target)}, over {one_line(question.connector)}"
            yield f"Risk: {question.risk}"
            yield f"Why: {one_line(question.why)}"
            yield from _step(question)
        case Choice():
            yield from (f"  {one_line(option.runbook.title)}" for option in question.options)
            yield NOT_HERE
        case Inquiry():
            yield one_line(question.text)
            yield BY_LINK
    yield f"Without an answer by {moment(question.expires_at, zone)} nothing runs."
