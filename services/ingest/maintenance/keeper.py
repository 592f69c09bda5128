"""The windows of handrail.yaml with those that are stored, as they are now."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from services.ingest.maintenance.stored import StoredWindow
from services.ingest.maintenance.windows import Window, Windows
from services.ingest.ruling import Quiet
from shared.config.maintenance import MaintenanceWindow
from shared.events import Alert

log = structlog.get_logger(__name__)

#: How often the stored windows are read: somebody who made one expects that it holds.
PAUSE: Final = timedelta(seconds=2)


class Stored(Protocol):
    """See ``store.MongoWindows``."""

    async def current(self, now: datetime) -> list[StoredWindow]: ...


class Keeper:
    """Knows the windows; while the store does not answer, those that it knew last.

    ``windows`` is another object whenever there are others.
    """

    def __init__(
        self,
        configured: Iterable[MaintenanceWindow],
        stored: Stored,
        now: Callable[[], datetime],
    ) -> None:
        self._configured = tuple(Window(said) for said in configured)
        self._stored = stored
        self._now = now
        self._known: dict[StoredWindow, Window] = {}
        self.windows = Windows(self._configured)
        for window in self._configured:
            if window.schedule.overlaps():
                log.warning("maintenance.window_overlaps_itself", window=window.said.name)

    def covering(self, alert: Alert, now: datetime) -> Quiet | None:
        """The window that covers an alert, if any; asks nobody."""
        return self.windows.covering(alert, now)

    async def refresh(self) -> None:
        """Read the stored windows; what has not changed is not worked out again.

        Raises:
            UnavailableError: the store does not answer; what was known stays.
        """
        current = await self._stored.current(self._now())
        if current == list(self._known):
            return
        self._known = {one: self._known.get(one) or Window(one.said) for one in current}
        self.windows = Windows((*self._configured, *self._known.values()))
        log.info("maintenance.windows_changed", stored=[one.said.name for one in current])
