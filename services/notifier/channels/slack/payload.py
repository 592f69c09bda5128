"""What Slack sends when somebody presses, submits or types something, parsed."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.notifier.channels.slack.blocks import REASON
from shared.errors import HandrailError


class BadPayloadError(HandrailError):
    """What came with a good signature is nothing that this app asked for."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class User(_Part):
    """Who did it, as Slack says."""

    id: str


class Action(_Part):
    """A button."""

    action_id: str
    value: str = ""


class Container(_Part):
    """Where the button is; a modal is in no channel."""

    channel_id: str = ""
    message_ts: str = ""


class Pressed(_Part):
    """Somebody pressed a button of a message."""

    type: Literal["block_actions"]
    user: User
    actions: Annotated[tuple[Action, ...], Field(min_length=1)]
    container: Container = Container()
    trigger_id: str = ""
    response_url: str = ""


class View(_Part):
    """A modal with what stands in its fields."""

    callback_id: str = ""
    private_metadata: str = ""
    state: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def reason(self) -> str:
        """What was written as the reason."""
        return self.values.get(REASON, "")

    @property
    def values(self) -> dict[str, str]:
        """What was written or chosen in each block, by the block's name."""
        blocks = self.state.get("values", {})
        return {name: _value(fields) for name, fields in blocks.items()}


class Submitted(_Part):
    """Somebody sent a modal off."""

    type: Literal["view_submission"]
    user: User
    view: View


@dataclass(frozen=True)
class Other:
    """Something else, which needs no answer: a modal was closed."""


class Command(_Part):
    """Somebody typed a slash command."""

    user_id: str
    text: str = ""
    trigger_id: str = ""


Interaction = Pressed | Submitted | Other
_INTERACTION: TypeAdapter[Pressed | Submitted] = TypeAdapter(
    Annotated[Pressed | Submitted, Field(discriminator="type")]
)


def _value(fields: Any) -> str:
    """What stands in the one field of a block."""
    field = next(iter(fields.values()), None) if isinstance(fields, dict) else None
    if not isinstance(field, dict):
        return ""
    chosen = field.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, dict) else field.get("value")
    return str(value or "")


def interaction_in(body: bytes) -> Interaction:
    """The interaction in a form with one field, ``payload``.

    Raises:
        BadPayloadError: there is none.
    """
    try:
        payload = json.loads(_form(body).get("payload", ""))
    except ValueError as error:
        raise BadPayloadError("the payload is no JSON") from error
    return interaction_of(payload)


def interaction_of(payload: Any) -> Interaction:
    """The interaction that a payload is.

    Raises:
        BadPayloadError: it is none.
    """
    known = isinstance(payload, dict) and payload.get("type") in {
        "block_actions",
        "view_submission",
    }
    if not known:
        return Other()
    try:
        return _INTERACTION.validate_python(payload)
    except ValidationError as error:
        raise BadPayloadError("the payload is not like Slack's") from error


def command_in(body: bytes) -> Command:
    """The command in a form.

    Raises:
        BadPayloadError: there is none.
    """
    return command_of(_form(body))


def command_of(payload: Any) -> Command:
    """The command that a payload is; see ``command_in``."""
    try:
        return Command.model_validate(payload)
    except ValidationError as error:
        raise BadPayloadError("the command is not like Slack's") from error


def _form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(body.decode(), max_num_fields=50, keep_blank_values=True)
    except ValueError as error:
        raise BadPayloadError("the form cannot be read") from error
    return {name: values[-1] for name, values in fields.items()}
