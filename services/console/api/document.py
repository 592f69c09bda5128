"""The OpenAPI document of the API, as JSON and as a page that needs nothing from elsewhere."""

from copy import deepcopy
from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic.json_schema import models_json_schema

from services.console.api.page import page_of
from services.console.api.problem import Problem

DOCUMENT: Final = "/api/openapi.json"
PAGE: Final = "/api/docs"
_DESCRIPTION: Final = (
    "Targets, credentials and tickets, for programs. Every request shows a token of `handrail "
    "token add` as `Authorization: Bearer hrt_…`. What is refused is told as problem details "
    "(RFC 9457). Lists come in pages: `next` is the `cursor` of the next one. What can be changed "
    "has an ETag; a write with `If-Match` changes only what was seen."
)
_REF: Final = "#/components/schemas/{model}"
# The page has no script, and nothing on it comes from elsewhere.
_NOTHING_ELSE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


def document_routes(api: FastAPI) -> None:
    """Serve the document of all that is routed so far; whoever reaches the port may read it."""
    api.description = _DESCRIPTION

    @api.get(DOCUMENT, include_in_schema=False)
    async def document() -> Response:
        return JSONResponse(described(api))

    @api.get(PAGE, include_in_schema=False)
    async def shown() -> Response:
        return HTMLResponse(page_of(described(api)), headers=_NOTHING_ELSE)

    @api.get("/api", include_in_schema=False)
    @api.get("/api/", include_in_schema=False)
    async def to_page() -> Response:
        return RedirectResponse(PAGE)


def described(api: FastAPI) -> dict[str, Any]:
    """The document, with what FastAPI does not know: how a problem looks."""
    if api.openapi_schema is None or "Problem" not in api.openapi_schema["components"]["schemas"]:
        document = deepcopy(api.openapi())
        _, schemas = models_json_schema([(Problem, "serialization")], ref_template=_REF)
        document["components"]["schemas"].update(schemas["$defs"])
        api.openapi_schema = document
    return api.openapi_schema
