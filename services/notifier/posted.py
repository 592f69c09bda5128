"""What people post as an answer, from a form or in JSON, and what is wrong with it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Final, TypeVar
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from services.notifier.choice import NONE
from services.notifier.text import REASON_LENGTH, cleaned
from shared.errors import HandrailError
from shared.events import Answer

#: More than the longest reason, in any encoding.
BODY_OCTETS: Final = 16 * 1024

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


class BadAnswerError(HandrailError):
    """What was posted is no answer; the text says what to change.

    ``is_witnessed`` says that the audit trail has it already.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        reason: str = "",
        form: Mapping[str, str] | None = None,
        is_witnessed: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.form = form or {}
        self.is_witnessed = is_witnessed


def _tidy(reason: str) -> str:
    tidy = cleaned(reason)
    if len(tidy) > REASON_LENGTH:
        raise ValueError(f"the reason is longer than {REASON_LENGTH} characters: shorten it")
    return tidy


class Posted(BaseModel):
    """What every answer may have; it has at most so many ``octets``, and ``names`` on a form."""

    octets: ClassVar[int] = BODY_OCTETS
    names: ClassVar[int] = 10

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: Annotated[str, AfterValidator(_tidy)] = ""


P = TypeVar("P", bound=Posted)


class Wish(StrEnum):
    """What is no answer to a step as it is: somebody wants other values for it."""

    CHANGE = "change"


class PostedAnswer(Posted):
    """A yes or a no to a step; a yes may have to be confirmed by a ``code``."""

    decision: Answer | Wish
    code: str | None = Field(None, max_length=20)

    @model_validator(mode="after")
    def _no_with_reason(self) -> "PostedAnswer":
        if self.decision is Answer.REJECT and not self.reason:
            raise ValueError("a rejection needs a reason: say what is wrong with the step")
        return self


class PostedChoice(Posted):
    """The name of a runbook, or ``NONE``."""

    choose: str = Field(min_length=1, max_length=200)

    @property
    def runbook(self) -> str | None:
        return None if self.choose == NONE else self.choose


async def posted(request: Request, kind: type[P]) -> P:
    """What a request says.

    Raises:
        BadAnswerError: it is no such answer.
    """
    body = await _body(request, kind.octets)
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    said: dict[str, str] = {}
    try:
        match content_type:
            case "application/json":
                return kind.model_validate_json(body)
            case "application/x-www-form-urlencoded":
                fields = parse_qs(body.decode(), max_num_fields=kind.names, keep_blank_values=True)
                said = {name: values[-1] for name, values in fields.items()}
                return kind.model_validate(said)
    except ValidationError as error:
        reason = said.get("reason", "")
        raise BadAnswerError(422, _first_mistake(error), reason=reason, form=said) from error
    except ValueError as error:
        raise BadAnswerError(400, "the form cannot be read") from error
    raise BadAnswerError(415, f"send a form ({_FORM}) or {_JSON}")


async def _body(request: Request, octets: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > octets:
            raise BadAnswerError(413, f"an answer has at most {octets} octets")
    return bytes(body)


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors()[0]
    # Not the kinds of which a field may be one.
    field = ".".join(str(part) for part in mistake["loc"] if "[" not in str(part))
    message = mistake["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field and mistake["type"] != "value_error" else message
