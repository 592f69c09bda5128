"""The API under ``/api`` of a service, put together when somebody first asks for it.

Its models take half a second to load, which a start has no time for, and a console that only
records has no use for.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import HandrailError

log = structlog.get_logger(__name__)

Make = Callable[[], Awaitable[ASGIApp]]


class Lazily:
    """An application that is made at the first request; where that fails, at the next one."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            app = await self._app()
        except HandrailError as error:
            log.warning("api.unavailable", reason=str(error))
            await _unavailable()(scope, receive, send)
            return
        await app(scope, receive, send)

    async def _app(self) -> ASGIApp:
        async with self._lock:
            if self._made is None:
                self._made = await self._make()
            return self._made


def _unavailable() -> ASGIApp:
    from services.console.api.problem import Refusal, told  # noqa: PLC0415 see above

    return told(Refusal(503, "the API cannot be served: the console's log says why"))


def mount(api: FastAPI, make: Make) -> None:
    """Have everything under ``/api`` answered by what is made."""
    lazily = Lazily(make)
    for path in ("/api", "/api/{rest:path}"):
        api.router.routes.append(Route(path, lazily, include_in_schema=False))
