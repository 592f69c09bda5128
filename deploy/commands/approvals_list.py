"""Questions to people as a table, a row each."""

from collections.abc import Iterable

from rich.table import Table

from deploy.commands import approvals_answer
from deploy.output import add, ago, colored, table
from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.inquiry import Inquiry
from services.notifier.question import Question


def listed(questions: Iterable[Question]) -> Table:
    """What each asks, how it stands, and until when."""
    shown = table("id", "ticket", "risk", "state", "target", "command", "yes", "expires")
    for question in questions:
        risk, target, command, yes = _columns(question)
        add(
            shown,
            str(question.id)[:8],
            f"{question.ticket_title} ({str(question.ticket_id)[:8]})",
            risk,
            colored(question.state),
            target,
            command,
            yes,
            ago(question.expires_at),
        )
    return shown


def _columns(question: Question) -> tuple[str, str, str, str]:
    """Its risk, its target, what it is about, and the answers so far."""
    match question:
        case Approval():
            target = f"{question.connector} {question.target}"
            so_far = f"{question.approvals} of {question.quorum.needed}"
            return question.risk, target, question.command, so_far
        case Choice():
            names = ", ".join(option.name for option in question.options)
            return (
                "",
                "",
                f"which runbook: {names}?",
                question.chosen.name if question.chosen else "",
            )
        case Inquiry():
            answered = "answered" if question.decisions else ""
            return "", question.target, approvals_answer.asks(question), answered
    return "", "", "", ""
