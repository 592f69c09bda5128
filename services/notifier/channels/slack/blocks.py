"""Messages in Slack's Block Kit: what strangers wrote is text in them, and never markup.

What is not ours stands in ``plain_text`` and ``rich_text`` elements, in which Slack looks for no
mentions, links or backticks. Only ``text``, which notifications show, is ``mrkdwn``: there
`&`, `<` and `>` are escaped (https://docs.slack.dev/messaging/formatting-message-text).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from services.notifier.approval import ANSWERED, Approval, superseded
from services.notifier.channels.message import Asking
from services.notifier.channels.news import News
from services.notifier.channels.plain import CHECK, DRY_RUN, digest_lines, digest_title
from services.notifier.choice import Choice
from services.notifier.inquiry import WORDS, Inquiry
from services.notifier.question import Question, speaker
from services.notifier.rendering import moment
from services.notifier.text import one_line, visible
from shared.events import Choosing, Decision, Reply
from shared.lifecycle import ApprovalState

Block = dict[str, Any]

#: Longer ones are not shown whole in a message, and are approved only where they are.
COMMAND_LENGTH: Final = 2500
#: The same of all that a yes is to: the command, its check, its rollback and its dry run.
ALL_LENGTH: Final = 5000
_OTHER_LENGTH: Final = 500
_HEADER_LENGTH: Final = 150
_LINE_LENGTH: Final = 500
_BUTTON_LENGTH: Final = 75
_EVIDENCE: Final = 3
# An actions block has at most 25 elements; nobody chooses between so many.
_OPTIONS: Final = 10
_GATHERED: Final = 30

APPROVE: Final = "approve"
REJECT: Final = "reject"
DETAILS: Final = "details"
CHOOSE: Final = "choose"
OPEN: Final = "open"
REASON: Final = "reason"
FILL: Final = "fill"
CHANGE: Final = "change"
FEEDBACK: Final = "feedback"


def escaped(text: str) -> str:
    """Text for ``text``, in which nothing is a mention or a link."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback(text: str) -> str:
    """One line for notifications."""
    return escaped(one_line(text)[:_LINE_LENGTH])


def headline(question: Question) -> str:
    """What a question is about, in one line."""
    title = _title(question)
    return f"[{question.severity}] {title}: {question.ticket_title}"


def question_blocks(question: Question, post_id: UUID, *, link: str, zone: str = "") -> list[Block]:
    """A question as it stands: with buttons while it is open, with its outcome afterwards.

    Buttons carry nothing but the id of the message; ``link`` is where its recipient reads it.
    """
    blocks = [_header(_title(question)), *_body(question)]
    if question.state is ApprovalState.PENDING:
        blocks.append(_until(question, zone))
        opening = _button(OPEN, "Open the page", str(post_id)) | {"url": link}
        buttons = [*_buttons(question, str(post_id)), opening]
        blocks.append({"type": "actions", "elements": buttons})
    return blocks + [_context(line) for line in _said(question, zone)]


def news_blocks(news: News, post_id: UUID) -> list[Block]:
    """News of a ticket; with a button for feedback where something was done about it."""
    lines = [_line("", news.summary)]
    for title, items in news.sections:
        lines += [_line(title, ""), _list(items)]
    blocks = [_header(news.headline), _rich(*lines)]
    if news.ran:
        button = _button(FEEDBACK, "Was it fixed?", str(post_id))
        blocks.append({"type": "actions", "elements": [button]})
    return blocks


def digest_blocks(askings: Sequence[Asking]) -> list[Block]:
    """Several questions, of which each stands in the thread with its own buttons."""
    shown = digest_lines(askings[:_GATHERED])
    more = len(askings) - len(shown)
    lines = [*shown, f"and {more} more"] if more else shown
    return [
        _header(digest_title(askings)),
        _rich(_list(lines)),
        _context("Each is answered by itself, in the thread below."),
    ]


def details_view(question: Question, *, zone: str = "") -> dict[str, Any]:
    """All of a question, as a modal."""
    blocks = [_header(_title(question)), *_body(question, whole=True), _until(question, zone)]
    blocks += [_context(line) for line in _said(question, zone)]
    return {"type": "modal", "title": _plain("Details"), "close": _plain("Close"), "blocks": blocks}


def reason_view(question: Question, post_id: UUID) -> dict[str, Any]:
    """Asks for the reason of a no."""
    is_inquiry = isinstance(question, Inquiry)
    field = {"type": "plain_text_input", "action_id": REASON, "multiline": True, "max_length": 1000}
    return {
        "type": "modal",
        "callback_id": REJECT,
        "private_metadata": str(post_id),
        "title": _plain("No answer" if is_inquiry else "Reject"),
        "submit": _plain("Go on without" if is_inquiry else "Reject: do not run it"),
        "close": _plain("Back"),
        "blocks": [
            _rich(_line("", _title(question))),
            {
                "type": "input",
                "block_id": REASON,
                "label": _plain("Why?" if is_inquiry else "What is wrong with it?"),
                "element": field,
            },
        ],
    }


def shows_all(question: Question) -> bool:
    """Whether a message has room for all that a yes is to."""
    if not isinstance(question, Approval):
        return True
    lengths = [len(visible(text)) for text in question.to_be_seen]
    return max(lengths, default=0) <= COMMAND_LENGTH and sum(lengths) <= ALL_LENGTH


def _title(question: Question) -> str:
    return question.title if isinstance(question, Approval | Choice | Inquiry) else "?"


def _body(question: Question, *, whole: bool = False) -> Iterable[Block]:
    yield _rich(_line(question.severity.value, question.ticket_title))
    if isinstance(question, Approval):
        yield from _step(question, whole=whole)
    if isinstance(question, Choice):
        yield from _choice(question)
    if isinstance(question, Inquiry):
        yield from _inquiry(question)


def _step(approval: Approval, *, whole: bool) -> Iterable[Block]:
    needed = f"{approval.needed}; {approval.approvals} given"
    again = [_line("Asked again", approval.again)] if approval.again else []
    yield _rich(
        _line("Where", f"{approval.target}, over {approval.connector}"),
        _line("Risk", approval.risk.value),
        _line("Why", approval.why),
        _line("Runbook", approval.runbook),
        _line("Needed", needed),
        *again,
        _line("The command, exactly as it runs", ""),
        _code(approval.command),
    )
    yield from _change(approval)
    room = COMMAND_LENGTH if shows_all(approval) else _OTHER_LENGTH
    if approval.check:
        yield _rich(_line(CHECK, ""), _code(approval.check, room))
    if approval.rollback:
        yield _rich(_line("What takes it back", ""), _code(approval.rollback, room))
    else:
        yield _rich(_line("What takes it back", "nothing, this step has no rollback"))
    if approval.dry_run:
        yield _rich(_line(DRY_RUN, ""), _code(approval.dry_run, room))
    seen = approval.evidence if whole else approval.evidence[:_EVIDENCE]
    if seen:
        yield _rich(_line("What was seen", ""), _list(seen))


def _change(approval: Approval) -> Iterable[Block]:
    """Who wanted other values for the step, and whether it has them."""
    change = approval.change
    if change is None:
        return
    wanted = ", ".join(f"{each.name} {each.old} → {each.new}".strip() for each in change.values)
    if change.refused:
        yield _rich(_line("Not changed", f"{change.by} wanted {wanted}; refused: {change.refused}"))
        return
    why = f" ({change.reason})" if change.reason else ""
    yield _rich(_line(f"Changed by {change.by}", f"{wanted}{why}"))
    if "run" in change.before:
        yield _rich(_line("Before, the command was", ""), _code(change.before["run"]))


def _choice(choice: Choice) -> Iterable[Block]:
    yield _rich(_line("Not clear", choice.because))
    for option in choice.options[:_OPTIONS]:
        risk = f"{option.name}, {option.risk.value} risk" if option.risk else option.name
        hinders = "; ".join(option.hinders)
        lines = [_line(option.runbook.title, f"cannot be used: {hinders}" if hinders else risk)]
        for step in option.steps:
            lines += [_line("", f"on {step.target}, over {step.connector}"), _code(step.command)]
        yield _rich(*lines)


def _inquiry(inquiry: Inquiry) -> Iterable[Block]:
    yield _rich(_line("", inquiry.text))
    if inquiry.command:
        yield _rich(_line("The command that was started", ""), _code(inquiry.command))
    if inquiry.picks is None:
        wanted = [field.title or field.name for field in inquiry.fields]
        yield _rich(_line("To fill in", ""), _list(wanted))


def _buttons(question: Question, value: str) -> Iterable[Block]:
    if isinstance(question, Choice):
        for at, option in list(enumerate(question.options))[:_OPTIONS]:
            if option.usable:
                yield _button(f"{CHOOSE}:{at}", f"Choose {option.name}", value)
        yield _button(f"{CHOOSE}:none", "None: I take over", value) | {"style": "danger"}
        return
    if isinstance(question, Inquiry):
        for at, name in enumerate(question.picks.options if question.picks else ()):
            said = WORDS.get(name, name)
            yield _button(f"{CHOOSE}:{at}", said, value) | {"confirm": _sure(said)}
        if question.picks is None:
            yield _button(FILL, "Fill it in…", value) | {"style": "primary"}
        yield _button(REJECT, "Nobody can answer…", value) | {"style": "danger"}
        return
    if shows_all(question):
        yield _button(APPROVE, "Approve", value) | {
            "style": "primary",
            "confirm": _confirm(question),
        }
    if isinstance(question, Approval) and question.changeable is not None:
        yield _button(CHANGE, "Other values…", value)
    yield _button(REJECT, "Reject…", value) | {"style": "danger"}
    yield _button(DETAILS, "Details", value)


def _confirm(question: Question) -> dict[str, Any]:
    where = question.target if isinstance(question, Approval) else ""
    risk = question.risk.value if isinstance(question, Approval) else ""
    return {
        "title": _plain("Run it?"),
        "text": _plain(one_line(f"{_title(question)} ({where}), {risk} risk")[:300]),
        "confirm": _plain("Approve"),
        "deny": _plain("Back"),
    }


def _sure(said: str) -> dict[str, Any]:
    """Asks once more, since the plan goes on with it."""
    return {
        "title": _plain("Answer this?"),
        "text": _plain(one_line(said)[:300]),
        "confirm": _plain("Yes"),
        "deny": _plain("Back"),
    }


def _until(question: Question, zone: str) -> Block:
    otherwise = _otherwise(question)
    unseen = "" if shows_all(question) else " It is too long to be approved here: open the page."
    return _context(
        f"Without an answer by {moment(question.expires_at, zone)} {otherwise}.{unseen}"
    )


def _otherwise(question: Question) -> str:
    match question:
        case Choice():
            return "nothing runs"
        case Inquiry():
            return "the plan goes on without"
        case Approval():
            return question.otherwise
    return "it does not run"


def _said(question: Question, zone: str) -> Iterable[str]:
    names = {to.email: to.name for to in question.recipients}
    for said in question.answers:
        reason = f": {said.reason}" if said.reason else ""
        yield f"{speaker(said, names)} {_answer(said)}, {moment(said.at, zone)}{reason}"
    match question.state:
        case ApprovalState.EXPIRED:
            yield "Nobody answered in time: it does not run."
        case ApprovalState.SUPERSEDED:
            yield superseded(question)
        case ApprovalState.APPROVED if isinstance(question, Approval):
            yield "Approved: it runs as it is shown here."


def _answer(said: object) -> str:
    if isinstance(said, Choosing):
        return f"chose {said.runbook}" if said.runbook else "takes over"
    if isinstance(said, Reply):
        return "will not answer" if said.refused else "answered"
    return ANSWERED[said.answer] if isinstance(said, Decision) else "answered"


def _header(text: str) -> Block:
    line = one_line(text)
    cut = line if len(line) <= _HEADER_LENGTH else line[: _HEADER_LENGTH - 1] + "…"
    return {"type": "header", "text": _plain(cut or "?")}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain(one_line(text)[:_LINE_LENGTH])]}


def _button(action: str, text: str, value: str) -> Block:
    label = _plain(one_line(text)[:_BUTTON_LENGTH])
    return {"type": "button", "action_id": action, "text": label, "value": value}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def _line(label: str, text: str) -> Block:
    """A line with a label in bold; each line is a section, and sections do not run together."""
    parts = [{"type": "text", "text": f"{visible(one_line(label))}: ", "style": {"bold": True}}]
    shown = visible(one_line(text))[:_LINE_LENGTH]
    told = [{"type": "text", "text": f"{shown or ' '}\n"}]
    return {"type": "rich_text_section", "elements": (parts if label else []) + told}


def _code(text: str, room: int = COMMAND_LENGTH) -> Block:
    shown = visible(text)
    if len(shown) > room:
        shown = f"{shown[:room]}\n… and {len(shown) - room} more characters"
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": shown or " "}]}


def _list(items: Iterable[str]) -> Block:
    entries = [
        {
            "type": "rich_text_section",
            "elements": [{"type": "text", "text": visible(one_line(item))[:_LINE_LENGTH] or " "}],
        }
        for item in items
    ]
    return {"type": "rich_text_list", "style": "bullet", "elements": entries}
