"""The approval links: GET shows, POST decides; for browsers and, on request, in JSON."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from services.notifier import links
from services.notifier.approval import (
    AlreadyAnswered,
    AlreadyDecided,
    Approval,
    Expired,
    NotAsked,
    Recorded,
)
from services.notifier.desk import Desk
from services.notifier.links import BadLinkError, Link
from services.notifier.pages import SECURITY_HEADERS, approval_page, as_json, message_page
from services.notifier.text import REASON_LENGTH, cleaned
from shared.errors import HandrailError, UnavailableError
from shared.events import Answer

#: More than the longest reason, in any encoding.
BODY_OCTETS: Final = 16 * 1024

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


class _BadAnswerError(HandrailError):
    """What was posted is no answer; the text says what to change."""

    def __init__(self, status: int, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class _Posted(BaseModel):
    """An answer as it was posted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    decision: Answer
    reason: str = ""

    @field_validator("reason")
    @classmethod
    def _tidy(cls, reason: str) -> str:
        tidy = cleaned(reason)
        if len(tidy) > REASON_LENGTH:
            raise ValueError(f"the reason is longer than {REASON_LENGTH} characters: shorten it")
        return tidy

    @model_validator(mode="after")
    def _no_with_reason(self) -> "_Posted":
        if self.decision is Answer.REJECT and not self.reason:
            raise ValueError("a rejection needs a reason: say what is wrong with the step")
        return self


def approval_links(desk: Desk, *, key: bytes, now: Callable[[], datetime]) -> APIRouter:
    """The routes of the approval links."""
    router = APIRouter()

    @router.get("/a/{token}")
    async def show(token: str, request: Request) -> Response:
        """Show what is asked; whatever follows the link, nothing is decided by it."""
        try:
            link, approval = await _found(desk, token, key, now())
        except BadLinkError:
            return _gone(request)
        except UnavailableError:
            return _unavailable(request)
        if _wants_json(request):
            return _json(200, as_json(approval, link, now=now()))
        return approval_page(approval, link, now=now())

    @router.post("/a/{token}")
    async def answer(token: str, request: Request) -> Response:
        """Record the recipient's answer, once."""
        try:
            link, approval = await _found(desk, token, key, now())
            return await _answered(desk, link, approval, request, now)
        except BadLinkError:
            return _gone(request)
        except UnavailableError:
            return _unavailable(request)

    return router


async def _found(desk: Desk, token: str, key: bytes, now: datetime) -> tuple[Link, Approval]:
    link = links.read(token, key=key, now=now)
    approval = await desk.find(link)
    if approval is None:
        raise BadLinkError("the link leads to no approval")
    return link, approval


async def _answered(
    desk: Desk, link: Link, approval: Approval, request: Request, now: Callable[[], datetime]
) -> Response:
    try:
        posted = await _posted(request)
    except _BadAnswerError as error:
        return _refused(request, approval, link, now(), error)
    outcome = await desk.answer(approval, link, posted.decision, reason=posted.reason)
    current = await desk.find(link)
    match outcome:
        case Recorded():
            status, name = 200, "recorded"
        case AlreadyAnswered():
            status, name = 409, "already_answered"
        case AlreadyDecided():
            status, name = 409, "already_decided"
        case Expired():
            raise BadLinkError("the time to answer is over")
        case NotAsked(who=who):
            others = f"the policy wants the yes of others here: {', '.join(who)}"
            return _refused(request, approval, link, now(), _BadAnswerError(403, others))
    if current is None:
        raise BadLinkError("the approval is gone")
    if _wants_json(request):
        return _json(status, {"outcome": name, **as_json(current, link, now=now())})
    recorded = isinstance(outcome, Recorded)
    return approval_page(current, link, now=now(), status=status, recorded=recorded)


async def _posted(request: Request) -> _Posted:
    body = await _body(request)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    raw = ""
    try:
        match kind:
            case "application/json":
                return _Posted.model_validate_json(body)
            case "application/x-www-form-urlencoded":
                fields = parse_qs(body.decode(), max_num_fields=10, keep_blank_values=True)
                said = {name: values[-1] for name, values in fields.items()}
                raw = said.get("reason", "")
                return _Posted.model_validate(said)
    except ValidationError as error:
        raise _BadAnswerError(422, _first_mistake(error), reason=raw) from error
    except ValueError as error:
        raise _BadAnswerError(400, "the form cannot be read") from error
    raise _BadAnswerError(415, f"send a form ({_FORM}) or {_JSON}")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_OCTETS:
            raise _BadAnswerError(413, f"an answer has at most {BODY_OCTETS} octets")
    return bytes(body)


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors()[0]
    field = ".".join(str(part) for part in mistake["loc"])
    message = mistake["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field and mistake["type"] != "value_error" else message


def _refused(
    request: Request, approval: Approval, link: Link, now: datetime, error: _BadAnswerError
) -> Response:
    if _wants_json(request):
        return _json(error.status, {"error": str(error)})
    return approval_page(
        approval,
        link,
        now=now,
        status=error.status,
        problem=str(error),
        reason=error.reason[:REASON_LENGTH],
    )


def _gone(request: Request) -> Response:
    """The same answer for every token that does not work: it tells nothing to who guesses."""
    if _wants_json(request):
        return _json(404, {"error": "this link does not work"})
    return message_page(
        404,
        "This link does not work",
        "It may have expired, been cut short on its way, or never have been one.",
        "Nothing was decided by opening it. If you were asked for an approval, look for a newer "
        "mail about the same ticket.",
    )


def _unavailable(request: Request) -> Response:
    response: Response
    if _wants_json(request):
        response = _json(503, {"error": "the database does not answer; try again"})
    else:
        response = message_page(
            503,
            "Not now",
            "The database does not answer, so the approval can be neither shown nor decided.",
            "Open the link again in a moment. It will show whether your answer was recorded.",
        )
    response.headers["Retry-After"] = "5"
    return response


def _json(status: int, content: dict[str, Any]) -> JSONResponse:
    return JSONResponse(content, status_code=status, headers=SECURITY_HEADERS)


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return _JSON in accepted and "text/html" not in accepted
