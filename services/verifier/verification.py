"""Looks at all checks of a plan until each has passed or failed."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from services.verifier.watch import Observation, Standing, Watch, described
from shared.events import Check, CheckResult


class Look(Protocol):
    """See ``looks.Looks``."""

    async def look(self, check: Check) -> Observation: ...


class Verification:
    """Checks that a problem is gone."""

    def __init__(self, looks: Look, now: Callable[[], datetime]) -> None:
        self._looks = looks
        self._now = now

    async def run(self, checks: Sequence[Check], since: datetime) -> tuple[CheckResult, ...]:
        """What each check found in the end; the time for them runs from ``since``."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch(check, since)) for check in checks]
        return tuple(task.result() for task in tasks)

    async def _watch(self, check: Check, since: datetime) -> CheckResult:
        watch = Watch(since, check.within, check.hold)
        while True:
            watch = watch.saw(await self._looks.look(check), self._now())
            standing = watch.standing()
            if standing is not Standing.OPEN:
                break
            await asyncio.sleep(watch.pause().total_seconds())
        return CheckResult(
            check=described(check),
            passed=standing is Standing.PASSED,
            detail=watch.last.detail,
            tries=watch.tries,
            at=self._now(),
        )
