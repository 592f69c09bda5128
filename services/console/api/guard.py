"""What stands before every route: whose turn it may be, and how much is read of a stranger."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response, Security, params
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect

from services.console.api.problem import Refusal
from services.console.tokens.door import Door
from services.console.tokens.token import Caller, Role

#: A kubeconfig with its certificates has some tens of kilobytes.
BODY_MOST: Final = 256 * 1024
_IN_TIME: Final = timedelta(seconds=30)

# Only tells readers of the document; the guard has looked before it is called.
_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="ApiToken",
    description="Of `handrail token add`. What is behind it is the role that is needed.",
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def needs(role: Role) -> params.Security:
    """What a route says of itself: the least role that may call it."""
    found: params.Security = Security(_BEARER, scopes=[role.value])
    return found


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


#: Who asks; for the parameters of routes.
CallerDep = Annotated[Caller, Depends(_caller)]


def guarded(door: Door, *, prefix: str, tag: str) -> APIRouter:
    """A router whose routes only those reach who may; each has to say who that is."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()
            role = _role(self.path, self.dependencies)

            async def behind(request: Request) -> Response:
                request.state.caller = await door.admitted(request, role)
                body = await _received(request)
                if body and not _is_json(request):
                    raise Refusal(415, "send JSON, and say so: `Content-Type: application/json`")
                response = await handle(_again(request, body))
                response.headers.setdefault("Cache-Control", "no-store")
                return response

            return behind

    return APIRouter(prefix=prefix, tags=[tag], route_class=Guarded)


def _role(path: str, dependencies: Sequence[params.Depends]) -> Role:
    said = [each for each in dependencies if isinstance(each, params.Security)]
    if len(said) != 1 or not said[0].scopes:
        raise AssertionError(f"{path} has to say who may call it: needs(Role.…)")
    return Role(said[0].scopes[0])


async def _received(request: Request) -> bytes:
    """The body, as long as it is not too long."""
    body = bytearray()
    try:
        async with asyncio.timeout(_IN_TIME.total_seconds()):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_MOST:
                    raise Refusal(413, f"the body has more than {BODY_MOST // 1024} KiB")
    except (TimeoutError, ClientDisconnect):
        raise Refusal(408, "the body did not come in time") from None
    return bytes(body)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _again(request: Request, body: bytes) -> Request:
    """The same request, whose body was read."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
