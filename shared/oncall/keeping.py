"""Keeps schedules known: fetched in the background, the last good answer kept while that fails."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import httpx
import structlog
from prometheus_client import CollectorRegistry, Gauge

from shared.config.schedules import ScheduleConfig
from shared.durations import spoken
from shared.errors import SettingsError
from shared.oncall.built import calendars
from shared.oncall.directory import Directory, Named
from shared.oncall.fetching import fetched, source
from shared.oncall.known import FetchError
from shared.oncall.roster import Roster, Standing
from shared.oncall.store import MongoShifts

log = structlog.get_logger(__name__)

#: How often it is looked whether a schedule is due.
PAUSE: Final = timedelta(seconds=5)
#: How often a schedule is fetched, and after how long again where that failed.
REFRESH: Final = timedelta(minutes=1)
AGAIN: Final = timedelta(seconds=20)


@dataclass(frozen=True)
class Rosters:
    """Who is on call as it is known at the time; nothing is fetched for it."""

    schedules: Mapping[str, ScheduleConfig] = field(default_factory=dict)
    known: MongoShifts | None = None

    async def roster(self) -> Roster:
        """The schedules.

        Raises:
            UnavailableError: there are some that others keep, and the store does not answer.
        """
        outside = [name for name, config in self.schedules.items() if config.is_outside]
        known = await self.known.known(outside) if outside and self.known else {}
        shifts = {name: one.shifts for name, one in known.items()}
        standing = {name: known[name].standing if name in known else Standing() for name in outside}
        return Roster(calendars(self.schedules, shifts), standing)


class Keeper:
    """Fetches the schedules that others keep, one replica each at a time."""

    def __init__(
        self,
        schedules: Mapping[str, ScheduleConfig],
        people: Iterable[Named],
        known: MongoShifts,
        http: httpx.AsyncClient,
        *,
        registry: CollectorRegistry,
        now: Callable[[], datetime],
    ) -> None:
        self._outside = {name: one for name, one in schedules.items() if one.is_outside}
        self._people = Directory.of(people)
        self._known = known
        self._http = http
        self._now = now
        self._failed = Gauge(
            "handrail_oncall_failing",
            "1 while a schedule that somebody else keeps cannot be fetched.",
            ["schedule"],
            registry=registry,
        )

    async def look(self) -> None:
        """Fetch what is due.

        Raises:
            UnavailableError: the store does not answer.
        """
        for name, config in self._outside.items():
            if await self._known.claim(name, source(config), self._now()):
                await self._fetch(name, config)

    async def _fetch(self, name: str, config: ScheduleConfig) -> None:
        now = self._now()
        try:
            found = await fetched(self._http, config, self._people, now=now)
        except (FetchError, SettingsError) as error:
            await self._told_failure(name, config, str(error), now)
            return
        for stranger in found.strangers:
            log.warning("oncall.stranger_found", schedule=name, stranger=stranger)
        self._failed.labels(name).set(0)
        await self._known.keep(name, source(config), found, now=now, next_at=now + REFRESH)

    async def _told_failure(
        self, name: str, config: ScheduleConfig, error: str, now: datetime
    ) -> None:
        before = (await self._known.known([name])).get(name)
        at = before.standing.fetched_at if before else None
        told = (
            f"the last answer counts, {spoken(_whole(now - at))} old" if at else "nobody is known"
        )
        log.error("oncall.fetch_failed", schedule=name, reason=error, meanwhile=told)
        self._failed.labels(name).set(1)
        await self._known.failed(name, source(config), error, next_at=now + AGAIN)


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=span // timedelta(seconds=1))
