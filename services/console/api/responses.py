"""What routes may answer, for the document."""

from typing import Any, Final

from services.console.api.problem import MEDIA_TYPE, Problem

_ALWAYS: Final = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_WHY: Final = {
    400: "The body is no JSON.",
    401: "The token is missing, or does not count.",
    403: "The token's role does not allow it.",
    404: "There is none of that name or id.",
    408: "The body did not come in time.",
    409: "It cannot be changed as things are: `detail` says why.",
    412: "It is not what the condition asks for.",
    413: "The body is too large.",
    415: "The body has another content type than JSON.",
    422: "Something that was sent is wrong: `errors` says what and where.",
    429: "Too many wrong tokens came from there.",
    503: "The store does not answer, or something is not configured.",
}
_REF: Final = {"$ref": f"#/components/schemas/{Problem.__name__}"}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}},
}

#: A response that tells the revision of what it shows.
ETAG: Final[dict[str, Any]] = {
    "headers": {
        "ETag": {"description": "For `If-Match`.", "schema": {"type": "string"}, "required": True}
    }
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What may be refused with these statuses, and with those that any route may."""
    return {status: _problem(status) for status in sorted({*_ALWAYS, *statuses})}


def _problem(status: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "description": _WHY[status],
        "content": {MEDIA_TYPE: {"schema": _REF}},
    }
    return {**said, "headers": _HEADERS[status]} if status in _HEADERS else said
