"""Modals of Slack in which somebody fills something in: a form of a plan, and feedback.

The values in them carry no text of strangers: an option is known by its place among the others.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from services.notifier.channels.slack.blocks import FEEDBACK, FILL, Block
from services.notifier.feedback.feedback import Feedback
from services.notifier.inquiry import WORDS, Inquiry
from services.notifier.text import REASON_LENGTH, one_line, visible
from shared.events import FormField, ValueType

#: The parts of the modal for feedback.
FIXED: Final = "fixed"
STARS: Final = "stars"
COMMENT: Final = "comment"

_LABEL_LENGTH: Final = 500
_OPTION_LENGTH: Final = 75
# Slack takes so many in a list; longer ones are written, and checked like any text.
_OPTIONS: Final = 100
_MOST_STARS: Final = 5
_YES_OR_NO: Final = ("yes", "no")
_TRUTHS: Final = {"true": "yes", "false": "no"}


def form_view(inquiry: Inquiry, post_id: UUID) -> dict[str, Any]:
    """Asks for everything that a form wants, with what is proposed filled in."""
    question = {"type": "text", "text": visible(inquiry.text) or " "}
    section = {"type": "rich_text_section", "elements": [question]}
    inputs = [input_of(field, at) for at, field in enumerate(inquiry.fields)]
    return modal(FILL, "A question", "Send this answer", post_id, [rich(section), *inputs])


def filled_in(inquiry: Inquiry, values: Mapping[str, str]) -> dict[str, str]:
    """What was filled in, by the names of the fields; ``values`` are by their blocks."""
    given = {}
    for at, field in enumerate(inquiry.fields):
        given[field.name] = chosen_in(field, values.get(block_of(at), ""))
    return given


def chosen_in(field: FormField, value: str) -> str:
    """What the value of a field means, whose options are known by their places."""
    options = _options(field)
    known = options and value.isdecimal() and int(value) < len(options)
    return options[int(value)] if known else value


def block_of(at: int) -> str:
    """The name of the block in which a field is, by its place."""
    return f"field-{at}"


def feedback_view(post_id: UUID, before: Feedback | None) -> dict[str, Any]:
    """Asks whether it was fixed, with what this person said before."""
    fixed = {"yes": "Yes", "no": "No"}
    stars = {str(n): "★" * n for n in range(_MOST_STARS, 0, -1)}
    comment = _written(COMMENT, before.comment if before else "")
    blocks = [
        _block(
            FIXED,
            "Is the problem gone?",
            _radio(FIXED, fixed, ("yes" if before.fixed else "no") if before else ""),
        ),
        _block(
            STARS,
            "How well was it done?",
            _radio(STARS, stars, str(before.stars if before else "")),
        ),
        _block(COMMENT, "Anything to add?", comment) | {"optional": True},
    ]
    return modal(FEEDBACK, "Was it fixed?", "Send", post_id, blocks)


def thanks_view() -> dict[str, Any]:
    """What takes the place of a modal for feedback."""
    return told_view("Was it fixed?", "Recorded. Thank you.")


def told_view(title: str, said: str) -> dict[str, Any]:
    """What takes the place of a modal that was sent off."""
    text = {"type": "text", "text": visible(said)}
    return {
        "type": "modal",
        "title": _plain(title),
        "close": _plain("Close"),
        "blocks": [rich({"type": "rich_text_section", "elements": [text]})],
    }


def input_of(field: FormField, at: int) -> Block:
    """Where one field is filled in."""
    name, options = block_of(at), _options(field)
    element: dict[str, Any]
    if options:
        shown = {str(n): WORDS.get(one, one) for n, one in enumerate(options)}
        proposed = _TRUTHS.get((field.default or "").lower(), field.default)
        chosen = str(options.index(proposed)) if proposed in options else ""
        element = _select(name, shown, chosen)
    else:
        element = _written(name, field.default or "")
    block = _block(name, field.title or field.name, element) | {"optional": not field.required}
    if field.pattern:
        block["hint"] = _plain(f"All of it has to match {one_line(field.pattern)}"[:_LABEL_LENGTH])
    return block


def _options(field: FormField) -> tuple[str, ...]:
    if field.type is ValueType.BOOLEAN:
        return _YES_OR_NO
    return field.options if len(field.options) <= _OPTIONS else ()


def _written(name: str, before: str) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": name, "max_length": REASON_LENGTH}
    return element | ({"initial_value": before} if before else {})


def _radio(name: str, options: Mapping[str, str], chosen: str) -> dict[str, Any]:
    return _choosing("radio_buttons", name, options, chosen)


def _select(name: str, options: Mapping[str, str], chosen: str) -> dict[str, Any]:
    return _choosing("static_select", name, options, chosen)


def _choosing(kind: str, name: str, options: Mapping[str, str], chosen: str) -> dict[str, Any]:
    made = {
        value: {"text": _plain(_cut(text, _OPTION_LENGTH)), "value": value}
        for value, text in options.items()
    }
    element = {"type": kind, "action_id": name, "options": list(made.values())}
    return element | ({"initial_option": made[chosen]} if chosen in made else {})


def _block(name: str, label: str, element: dict[str, Any]) -> Block:
    shown = _plain(_cut(label, _LABEL_LENGTH))
    return {"type": "input", "block_id": name, "label": shown, "element": element}


def _cut(text: str, length: int) -> str:
    line = visible(one_line(text)) or "?"
    return line if len(line) <= length else f"{line[: length - 1]}…"


def modal(
    callback: str, title: str, submit: str, post_id: UUID, blocks: list[Block]
) -> dict[str, Any]:
    """A modal that is sent off, and knows the message that it belongs to."""
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": str(post_id),
        "title": _plain(title),
        "submit": _plain(submit),
        "close": _plain("Back"),
        "blocks": blocks,
    }


def rich(*elements: Block) -> Block:
    """Text that Slack shows as it is."""
    return {"type": "rich_text", "elements": list(elements)}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
