"""What is answered where something is refused: problem details, as in RFC 9457."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from shared.complaints import complaint
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_SECONDS: Final = 5
_ERRORS_TOLD: Final = 20
_PLACE_MOST: Final = 200
#: What tells the models of targets from each other.
_TAG: Final = "connector"
_NO_JSON: Final = "the body is no JSON"
_FRAMEWORKS: Final = {
    400: _NO_JSON,
    404: "there is nothing at this path: /api/docs shows what there is",
    405: "this cannot be done there: `Allow` says what can",
}


class Wrong(BaseModel):
    """One mistake in what was sent; never with the value, which may be a secret."""

    model_config = ConfigDict(frozen=True)

    where: Annotated[str, Field(description="In the body, as `sudo.user`; or `query.limit`.")]
    told: str


class Problem(BaseModel):
    """Why something was refused; `detail` says what to change."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[Wrong, ...] = ()


class Refusal(Exception):  # noqa: N818 it is an answer, not a failure
    """A request that is refused; ``detail`` says what to change."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: tuple[Wrong, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = errors
        self.headers = headers or {}


def misunderstood(*errors: Wrong) -> Refusal:
    """What was sent has mistakes."""
    first = errors[0]
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    return Refusal(422, f"{first.where}: {first.told}{more}", errors=errors[:_ERRORS_TOLD])


def told(refusal: Refusal) -> Response:
    """A refusal as HTTP says it."""
    problem = Problem(
        title=HTTPStatus(refusal.status).phrase,
        status=refusal.status,
        detail=str(refusal),
        errors=refusal.errors,
    )
    body = problem.model_dump_json()
    headers = {"Cache-Control": "no-store", **refusal.headers}
    return Response(body, refusal.status, headers, media_type=MEDIA_TYPE)


def answer_with_problems(api: FastAPI) -> None:
    """Have everything that is refused told in this one way."""

    async def refused(request: Request, error: Exception) -> Response:
        refusal = _refusal(error)
        log.warning(
            "api.refused",
            method=request.method,
            route=_route(request),
            status=refusal.status,
            reason=str(refusal),
        )
        return told(refusal)

    async def broken(_request: Request, _error: Exception) -> Response:
        # The server logs the error itself.
        return told(Refusal(500, "this is a defect of Handrail: its log says more"))

    for kind in (Refusal, RequestValidationError, HTTPException, UnavailableError):
        api.add_exception_handler(kind, refused)
    api.add_exception_handler(Exception, broken)


def _refusal(error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            # Starlette's for what is not there, FastAPI's for a body that is not even text.
            detail = _FRAMEWORKS.get(error.status_code, error.detail)
            return Refusal(error.status_code, detail, headers=dict(error.headers or {}))
        case _:
            again = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
            return Refusal(503, "the store does not answer: try again", headers=again)


def _invalid(error: RequestValidationError) -> Refusal:
    details: list[ErrorDetails] = list(error.errors())
    if details[0]["type"] == "json_invalid":
        at, why = details[0]["loc"][-1], details[0]["ctx"]["error"]
        return Refusal(400, f"{_NO_JSON}: at character {int(at) + 1}: {why}")
    tag = error.body.get(_TAG) if isinstance(error.body, dict) else None
    return misunderstood(*(_wrong(each, tag) for each in details))


def _wrong(detail: ErrorDetails, tag: object) -> Wrong:
    """One mistake; ``tag`` is which of several models the body says it is."""
    loc = detail["loc"]
    if loc[0] == "body":
        loc = loc[2:] if loc[1:2] == (tag,) else loc[1:]
    about = detail.get("ctx", {})
    match detail["type"]:
        case "union_tag_not_found":
            return Wrong(where=_TAG, told="is missing: it says what kind this is")
        case "union_tag_invalid":
            return Wrong(where=_TAG, told=f"has to be one of {about['expected_tags']}")
    return Wrong(where=".".join(map(str, loc))[:_PLACE_MOST] or "body", told=complaint(detail))


def _route(request: Request) -> str:
    """The pattern of the path: a path may have anything in it."""
    route: Any = request.scope.get("route")
    return getattr(route, "path", "unmatched")
