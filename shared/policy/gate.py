"""The gate that steps pass before they start: shut while everything is stopped."""

import asyncio
from typing import Protocol

import structlog

from shared.policy.stop import Stop

log = structlog.get_logger(__name__)


class Switch(Protocol):
    """See ``store.MongoStopSwitch``."""

    async def state(self) -> Stop | None: ...


class Gate:
    """Shut from the beginning, until a look finds that nothing is stopped.

    What waits at it goes on at the first look after the stop is over. Where the store does not
    answer, it stays as it is.
    """

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._open = asyncio.Event()
        self._stop: Stop | None = None

    async def look(self) -> None:
        """See whether everything is stopped.

        Raises:
            UnavailableError: nobody knows.
        """
        stop = await self._switch.state()
        if stop is None:
            if self._stop is not None:
                log.info("stop.ended")
            self._open.set()
        else:
            if stop != self._stop:
                log.warning("stop.began", by=stop.by, reason=stop.reason)
            self._open.clear()
        self._stop = stop

    @property
    def is_open(self) -> bool:
        """Whether ``passed`` comes back at once."""
        return self._open.is_set()

    async def passed(self) -> None:
        """Come back when nothing is stopped; at once where that is so."""
        await self._open.wait()
