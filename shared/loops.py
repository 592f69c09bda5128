"""Work that is done again and again beside the handlers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from shared.errors import UnavailableError

log = structlog.get_logger(__name__)


def every(
    pause: timedelta, work: Callable[[], Awaitable[object]], *, name: str
) -> Callable[[], Awaitable[None]]:
    """A loop that does the work, pauses, and goes on while a server does not answer."""

    async def loop() -> None:
        while True:
            try:
                await work()
            except UnavailableError as error:
                log.warning("loop.waiting", loop=name, reason=str(error))
            await asyncio.sleep(pause.total_seconds())

    return loop
