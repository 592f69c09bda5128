"""Messages in Telegram: text with entities beside it, so that nothing in the text is markup."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from services.notifier.approval import ANSWERED, Approval, superseded
from services.notifier.channels.message import Asking, Message
from services.notifier.channels.plain import (
    Line,
    digest_lines,
    digest_title,
    lines_of,
    link_words,
    title_of,
)
from services.notifier.choice import Choice
from services.notifier.inquiry import WORDS, Inquiry
from services.notifier.question import Question, speaker
from services.notifier.rendering import moment
from services.notifier.text import one_line, visible
from shared.events import Choosing, Decision, Reply
from shared.lifecycle import ApprovalState

#: What a yes is to is not shown whole where it is longer, and is approved only where it is.
COMMAND_LENGTH: Final = 1800
# Telegram takes 4096 characters: beyond this, lists are cut.
_LENGTH: Final = 3000
_LINE_LENGTH: Final = 200
_OTHER_LENGTH: Final = 300
_BUTTON_LENGTH: Final = 60
_OPTIONS: Final = 10

APPROVE: Final = "a"
SURE: Final = "y"
BACK: Final = "b"
REJECT: Final = "r"
CHOOSE: Final = "c"
#: Followed by whether it was fixed, and the stars.
FEEDBACK: Final = "f"

_ENDS: Final = {
    ApprovalState.APPROVED: "Settled: yes.",
    ApprovalState.REJECTED: "Settled: no.",
    ApprovalState.EXPIRED: "Nobody answered in time: it does not run.",
}


@dataclass
class Text:
    """Text that grows, with what is bold or code in it; offsets count UTF-16 units."""

    text: str = ""
    entities: list[dict[str, Any]] = field(default_factory=list)

    def add(self, text: str, kind: str = "") -> None:
        """Add text, all of it of a kind."""
        if kind and text:
            entity = {"type": kind, "offset": _units(self.text), "length": _units(text)}
            self.entities.append(entity)
        self.text += text


def text_of(message: Message) -> dict[str, Any]:
    """The message as ``sendMessage`` takes it, less who gets it and the buttons."""
    text = Text()
    text.add(f"{title_of(message)[:_LINE_LENGTH]}\n", "bold")
    room = COMMAND_LENGTH
    whole = isinstance(message, Asking) and shows_all(message.question)
    for line in lines_of(message):
        cuttable = line.label and not (line.exact and whole)
        if cuttable and _units(text.text) > _LENGTH:
            continue
        _add(text, line, room=room)
        # The first is the command; the others are cut where it is not approved here.
        room = _OTHER_LENGTH if line.exact and not whole else room
    if isinstance(message, Asking):
        _add_answers(text, message)
    elif message.news.ran:
        text.add("Was it fixed? ✓ yes, ✗ no, with one to five stars", "italic")
    return {"text": text.text, "entities": text.entities}


def text_of_several(askings: Sequence[Asking]) -> dict[str, Any]:
    """What tells of several questions that follow, each with its own buttons."""
    text = Text()
    text.add(f"{digest_title(askings)}\n", "bold")
    for at, line in enumerate(digest_lines(askings)):
        if _units(text.text) > _LENGTH:
            text.add(f"and {len(askings) - at} more\n")
            break
        text.add(f"• {line[:_LINE_LENGTH]}\n")
    text.add("Each is answered by itself, below.", "italic")
    return {"text": text.text, "entities": text.entities}


def buttons(
    question: Question, post_id: UUID, *, sure: bool = False, picked: str = ""
) -> dict[str, Any]:
    """The keyboard under a question; none under one that is settled.

    ``sure`` asks once more, so that nobody approves by touching the screen; ``picked`` does so for
    an option of a question, by its place among them.
    """
    if question.state is not ApprovalState.PENDING:
        return {"inline_keyboard": []}
    if sure:
        rows = [[_button("Yes, run it", SURE, post_id), _button("Back", BACK, post_id)]]
    elif isinstance(question, Choice):
        rows = [
            [_button(f"Choose {option.name}", f"{CHOOSE}{at}", post_id)]
            for at, option in list(enumerate(question.options))[:_OPTIONS]
            if option.usable
        ]
        rows.append([_button("None: I take over", f"{CHOOSE}none", post_id)])
    elif isinstance(question, Inquiry):
        rows = _options(question, post_id, picked)
    else:
        approve = [_button("Approve", APPROVE, post_id)] if shows_all(question) else []
        rows = [[*approve, _button("Reject…", REJECT, post_id)]]
    return {"inline_keyboard": rows}


def stars(post_id: UUID) -> dict[str, Any]:
    """The keyboard under news: one press says whether it was fixed, and how well."""
    rows = [
        [_button(f"{sign} {count}★", f"{FEEDBACK}{said}{count}", post_id) for count in range(1, 6)]
        for sign, said in (("✓", "y"), ("✗", "n"))
    ]
    return {"inline_keyboard": rows}


def _options(inquiry: Inquiry, post_id: UUID, picked: str) -> list[list[dict[str, str]]]:
    options = inquiry.picks.options if inquiry.picks else ()
    words = {str(at): WORDS.get(option, option) for at, option in enumerate(options)}
    if picked in words:
        yes = _button(f"Yes: {words[picked]}", f"{SURE}{picked}", post_id)
        return [[yes], [_button("Back", BACK, post_id)]]
    rows = [[_button(said, f"{CHOOSE}{at}", post_id)] for at, said in words.items()]
    return [*rows, [_button("Nobody can answer…", REJECT, post_id)]]


def shows_all(question: Question) -> bool:
    """Whether a message has room for all that a yes is to."""
    if not isinstance(question, Approval):
        return True
    return sum(_units(visible(text)) for text in question.to_be_seen) <= COMMAND_LENGTH


def _add(text: Text, line: Line, *, room: int) -> None:
    if line.label:
        text.add(f"{line.label}: ", "bold")
    if line.exact:
        cut = _first_units(line.text, room)
        rest = len(line.text) - len(cut)
        text.add("\n")
        text.add(f"{cut}\n… and {rest} more characters" if rest else cut, "pre")
    else:
        text.add(line.text[:_LINE_LENGTH])
    text.add("\n")


def _add_answers(text: Text, asking: Asking) -> None:
    question, zone = asking.question, asking.to.timezone
    names = {to.email: to.name for to in question.recipients}
    if isinstance(question, Inquiry) and not question.picks:
        text.add("It is a form: fill it in by the link in your mail.\n")
    if not shows_all(question):
        text.add(f"It is too long to be approved here. {link_words(asking)}: {asking.link}\n")
    for said in question.answers:
        what = _said(said)
        line = f"{speaker(said, names)} {what}, {moment(said.at, zone)} {said.reason}"
        text.add(f"{one_line(line)[:_LINE_LENGTH]}\n", "italic")
    if question.state is ApprovalState.SUPERSEDED:
        text.add(superseded(question), "bold")
    elif question.state in _ENDS:
        text.add(_ENDS[question.state], "bold")


def _said(said: object) -> str:
    if isinstance(said, Choosing):
        return f"chose {said.runbook}" if said.runbook else "takes over"
    if isinstance(said, Reply):
        return "will not answer" if said.refused else "answered"
    return ANSWERED[said.answer] if isinstance(said, Decision) else "answered"


def _button(label: str, action: str, post_id: UUID) -> dict[str, str]:
    # At most 64 octets.
    return {"text": one_line(label)[:_BUTTON_LENGTH], "callback_data": f"{action}:{post_id.hex}"}


def _first_units(text: str, units: int) -> str:
    cut = text.encode("utf-16-le", "surrogatepass")[: 2 * units]
    return cut.decode("utf-16-le", "ignore")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
