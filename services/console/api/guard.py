"""What stands before every route: whose turn it may be, and how much is read of a stranger."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response, Security, params
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from services.console.api.body import received
from services.console.tokens.door import Door
from services.console.tokens.token import Caller, Role

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
                response = await handle(_again(request, await received(request)))
                response.headers.setdefault("Cache-Control", "no-store")
                return response

            return behind

    return APIRouter(prefix=prefix, tags=[tag], route_class=Guarded)


def _role(path: str, dependencies: Sequence[params.Depends]) -> Role:
    said = [each for each in dependencies if isinstance(each, params.Security)]
    if len(said) != 1 or not said[0].scopes:
        raise AssertionError(f"{path} has to say who may call it: needs(Role.…)")
    return Role(said[0].scopes[0])


def _again(request: Request, body: bytes) -> Request:
    """The same request, whose body was read."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
