"""Modals of Slack in which somebody changes a step: its values, then what it would be with them."""

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from services.notifier.approval import Approval
from services.notifier.changing.proposing import Difference, Preview, preview
from services.notifier.channels.answering import GONE, Answering, Asked
from services.notifier.channels.slack.blocks import CHANGE, COMMAND_LENGTH, REASON, Block
from services.notifier.channels.slack.modals import (
    block_of,
    chosen_in,
    input_of,
    modal,
    rich,
    told_view,
)
from services.notifier.channels.slack.payload import View
from services.notifier.question import Question
from services.notifier.text import REASON_LENGTH, cleaned, one_line, visible
from shared.config import Person
from shared.events import ChangeableField, FormField
from shared.runbook.changing import UnfitChangeError

TOO_LONG: Final = "This is too long to be shown or carried here: open the page."

#: What the modal is called by that shows a change.
CONFIRM: Final = "confirm-change"
#: Slack carries so many characters with a modal.
_CARRIED: Final = 3000
# A view has at most 100 blocks.
_MOST: Final = 90


def change_view(question: Question, post_id: UUID) -> dict[str, Any]:
    """Asks for the values of a step, with those that it has filled in."""
    inputs = [input_of(_field(field), at) for at, field in enumerate(_fields(question))]
    why = {
        "type": "input",
        "block_id": REASON,
        "optional": True,
        "label": {"type": "plain_text", "text": "Why?", "emoji": False},
        "element": {
            "type": "plain_text_input",
            "action_id": REASON,
            "max_length": REASON_LENGTH,
            "multiline": True,
        },
    }
    told = "Other values hold for this step alone, with what takes it back."
    blocks = [rich(_text(told)), *inputs, why]
    return modal(CHANGE, "Other values", "Show what would run", post_id, blocks)


def shown(view: View, asked: Asked, *, first: str) -> dict[str, Any]:
    """What the step would be, in place of the form; or what is wrong, under its ``first`` field."""
    approval = asked.question
    if not isinstance(approval, Approval):
        return _errors(GONE, first)
    values = {
        field.name: chosen_in(_field(field), view.values[block_of(at)])
        for at, field in enumerate(_fields(approval))
        if block_of(at) in view.values
    }
    try:
        made = preview(approval, values)
    except UnfitChangeError as error:
        return _errors(str(error), first)
    changed = _changed_view(asked.post.id, made, cleaned(view.reason)[:REASON_LENGTH])
    if changed is None:
        return _errors(TOO_LONG, first)
    return {"response_action": "update", "view": changed}


async def confirmed(answering: Answering, view: View, person: Person) -> dict[str, Any]:
    """Send a change off from the modal that showed it; what came of it takes its place."""
    carried = _carried_in(view.private_metadata)
    if carried is None:
        return _told(GONE)
    asked = await answering.asked(str(carried.get("post")), person)
    if isinstance(asked, str):
        return _told(asked)
    approval = asked.question
    if not isinstance(approval, Approval) or not _is_what_was_shown(approval, carried):
        return _told(GONE)
    reason = str(carried.get("reason", ""))
    return _told(await answering.propose(approval, person, carried["values"], reason))


def _is_what_was_shown(approval: Approval, carried: Mapping[str, Any]) -> bool:
    try:
        return preview(approval, carried["values"]).confirm == carried.get("confirm")
    except UnfitChangeError:
        return False


def _changed_view(post_id: UUID, shown: Preview, reason: str) -> dict[str, Any] | None:
    """What it would be; None where that is too much for Slack to show or to carry."""
    carried = json.dumps(
        {
            "post": str(post_id),
            "values": {each.name: each.new for each in shown.values},
            "reason": reason,
            "confirm": shown.confirm,
        }
    )
    size = sum(len(line) for each in shown.differences for line in each.lines)
    if len(carried) > _CARRIED or size > COMMAND_LENGTH:
        return None
    told = (
        "It is judged by the policy again. This is no yes yet: you and the others are asked about "
        "the new command."
    )
    blocks = [block for each in shown.differences for block in _difference(each)]
    view = modal(CONFIRM, "What it would be", "Ask about it", post_id, [*blocks, rich(_text(told))])
    return view | {"private_metadata": carried}


def _carried_in(metadata: str) -> dict[str, Any] | None:
    """What a modal that showed a change carries; None for anything else."""
    try:
        carried = json.loads(metadata)
    except ValueError:
        return None
    named = isinstance(carried, dict) and isinstance(carried.get("values"), dict)
    return carried if named else None


def _errors(text: str, block: str) -> dict[str, Any]:
    return {"response_action": "errors", "errors": {block: one_line(text)}}


def _told(text: str) -> dict[str, Any]:
    # A modal without a field has no place for errors.
    return {"response_action": "update", "view": told_view("Other values", text)}


def _fields(question: Question) -> tuple[ChangeableField, ...]:
    if not isinstance(question, Approval) or question.changeable is None:
        return ()
    return question.changeable.fields[:_MOST]


def _difference(each: Difference) -> list[Block]:
    code = {"type": "text", "text": "\n".join(visible(line) for line in each.lines)}
    return [
        rich(
            _text(f"{each.title}: what is gone (-), and what is new (+)"),
            {"type": "rich_text_preformatted", "elements": [code]},
        )
    ]


def _field(field: ChangeableField) -> FormField:
    return FormField(
        name=field.name,
        title=f"{field.name}: {field.about}" if field.about else field.name,
        type=field.type,
        required=field.required,
        default=field.value,
        pattern=field.pattern,
        options=field.options,
    )


def _text(text: str) -> Block:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
