"""One attempt that is under way in this process, and how it is ended before its time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, Final

import stamina

from shared.errors import UnavailableError

#: A target that is away is asked again to end what runs there.
RETRY_PAUSE_MOST: Final = timedelta(seconds=5)


class NotEndedYetError(UnavailableError):
    """What runs on a target could not be ended yet."""


class Work:
    """A task that runs one attempt.

    ``cancel`` ends the command on its target, and whoever waits for the command then sees it end;
    it raises ``NotEndedYetError`` to be asked again.
    """

    task: asyncio.Task[None]

    def __init__(self, cancel: Callable[[], Awaitable[None]]) -> None:
        self._cancel = cancel
        self._stopped = asyncio.Event()
        self._begun = False
        self._ending: asyncio.Task[None] | None = None

    def begin(self, attempt: Coroutine[Any, Any, None], *, name: str) -> None:
        self.task = asyncio.create_task(attempt, name=name)
        self.task.add_done_callback(self._over)

    async def unless_stopped(self, turn: Awaitable[None]) -> bool:
        """Wait for its turn; whether it may begin then."""
        waiting = asyncio.ensure_future(turn)
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                await waiting
            self.begins_now()
        finally:
            for each in (waiting, stopped):
                each.cancel()
            await asyncio.gather(waiting, stopped, return_exceptions=True)
        return self._begun

    def begins_now(self) -> bool:
        """Whether it may begin, whose turn it is."""
        self._begun = not self._stopped.is_set()
        return self._begun

    def underway(self) -> None:
        """Know that something of it may run on its target: from now on a stop ends it there."""
        self._begun = True
        if self._stopped.is_set():
            self.stop()

    def may_begin(self) -> bool:
        """Whether nobody wants it ended."""
        return not self._stopped.is_set()

    def stop(self) -> None:
        """End it; a second time changes nothing."""
        self._stopped.set()
        if self._begun and self._ending is None:
            self._ending = asyncio.create_task(self._end(), name="end")

    async def _end(self) -> None:
        async for again in stamina.retry_context(
            on=NotEndedYetError,
            attempts=None,
            timeout=None,
            wait_max=RETRY_PAUSE_MOST.total_seconds(),
        ):
            with again:
                await self._cancel()

    def _over(self, _task: asyncio.Task[None]) -> None:
        if self._ending is not None:
            self._ending.cancel()
