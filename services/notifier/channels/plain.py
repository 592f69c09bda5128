"""Messages as plain text: for notes, for cards, for services that take a title and a body."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.notifier.approval import Approval
from services.notifier.channels.message import Asking, Message, Telling
from services.notifier.choice import Choice
from services.notifier.inquiry import WORDS, Inquiry
from services.notifier.links import Channel
from services.notifier.question import Question
from services.notifier.rendering import moment
from services.notifier.text import one_line, visible

#: What people are told about a step besides its command, where there is such a thing.
CHECK: Final = "Run before it, to see whether it is done already"
DRY_RUN: Final = "What it would change, as the target says"

_EVIDENCE: Final = 3
# Longer texts are cut in notes, so that the link has its place.
_NOTE_LENGTH: Final = 2000


@dataclass(frozen=True)
class Line:
    """A line of a message: a fact with a label, or text that is shown to the letter."""

    label: str
    text: str
    exact: bool = False


def title_of(message: Message) -> str:
    """The message in one line."""
    if isinstance(message, Telling):
        return one_line(message.news.headline)
    question = message.question
    word = "Approve? " if isinstance(question, Approval) else ""
    return one_line(f"[{question.severity}] {word}{_title(question)}: {question.ticket_title}")


def lines_of(message: Message) -> list[Line]:
    """What there is to know, without the link; fit to be shown, but not escaped for any markup."""
    return list(_told(message) if isinstance(message, Telling) else _asked(message))


def text_of(message: Message) -> str:
    """The body of the message, with its link."""
    blocks = [
        f"{line.label}:\n{_cut(line.text)}" if line.exact else _joined(line)
        for line in lines_of(message)
    ]
    if isinstance(message, Asking):
        blocks.append(f"{link_words(message)}: {message.link}")
    return "\n".join(blocks)


def digest_title(askings: Sequence[Asking]) -> str:
    """Several questions in one line."""
    return f"{len(askings)} questions wait for an answer"


def digest_lines(askings: Iterable[Asking]) -> list[str]:
    """Several questions, a line each; each is still answered by itself."""
    return [
        f"{title_of(one)}, until {moment(one.question.expires_at, one.to.timezone)}"
        for one in askings
    ]


def link_words(asking: Asking) -> str:
    """What the link of a question is good for."""
    if asking.to.channel is Channel.ROOM:
        return "Look (answer by your own link or button)"
    return "Read it and answer"


def _cut(text: str) -> str:
    more = len(text) - _NOTE_LENGTH
    return f"{text[:_NOTE_LENGTH]}\n… and {more} more characters" if more > 0 else text


def _joined(line: Line) -> str:
    return f"{line.label}: {line.text}" if line.label else line.text


def _title(question: Question) -> str:
    return question.title if isinstance(question, Approval | Choice | Inquiry) else "?"


def _asked(asking: Asking) -> Iterator[Line]:
    question = asking.question
    until = moment(question.expires_at, asking.to.timezone)
    match question:
        case Approval():
            yield from _step(question)
            yield Line("", f"Without an answer by {until} {question.otherwise}.")
        case Choice():
            yield Line("Not clear", one_line(question.because))
            for option in question.options:
                hinders = (
                    f" (cannot be used: {'; '.join(option.hinders)})" if option.hinders else ""
                )
                yield Line(one_line(option.name), one_line(f"{option.runbook.title}{hinders}"))
            yield Line("", f"Without an answer by {until} nothing runs.")
        case Inquiry():
            yield from _inquiry(question)
            yield Line("", f"Without an answer by {until} the plan goes on without.")


def _step(approval: Approval) -> Iterator[Line]:
    yield Line("Where", one_line(f"{approval.target}, over {approval.connector}"))
    yield Line("Risk", approval.risk.value)
    yield Line("Why", one_line(approval.why))
    yield Line("Needed", one_line(approval.needed))
    if approval.again:
        yield Line("Asked again", one_line(approval.again))
    yield Line("The command, exactly as it runs", visible(approval.command), exact=True)
    if approval.check:
        yield Line(CHECK, visible(approval.check), exact=True)
    if approval.rollback:
        yield Line("What takes it back", visible(approval.rollback), exact=True)
    else:
        yield Line("What takes it back", "nothing, this step has no rollback")
    if approval.dry_run:
        yield Line(DRY_RUN, visible(approval.dry_run), exact=True)
    for seen in approval.evidence[:_EVIDENCE]:
        yield Line("Seen", one_line(seen))


def _inquiry(inquiry: Inquiry) -> Iterator[Line]:
    yield Line("", one_line(inquiry.text))
    if inquiry.command:
        yield Line("The command that was started", visible(inquiry.command), exact=True)
    for field in inquiry.fields:
        options = "; ".join(WORDS.get(one, one) for one in field.options)
        yield Line(one_line(field.title or field.name), one_line(options))


def _told(telling: Telling) -> Iterator[Line]:
    yield Line("", one_line(telling.news.summary))
    for heading, items in telling.news.sections:
        for item in items:
            yield Line(heading, one_line(item))
