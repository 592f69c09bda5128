"""Looks at all checks of a plan until each has passed or failed."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.verifier.watch import Observation, Standing, Watch, described
from shared.events import Check, CheckResult

# A server that answers a byte now and then would be looked at for ever.
LOOK_MOST: Final = timedelta(seconds=30)


class Look(Protocol):
    """See ``looks.Looks``."""

    async def look(self, check: Check) -> Observation: ...


class Verification:
    """Checks that a problem is gone.

    Args:
        looks: how each kind of check is looked at.
        mask: takes secrets out of what is told of the checks.
        now: the clock.
        look_most: how long one look may take.
    """

    def __init__(
        self,
        looks: Look,
        mask: Callable[[str], str],
        now: Callable[[], datetime],
        *,
        look_most: timedelta = LOOK_MOST,
    ) -> None:
        self._looks = looks
        self._mask = mask
        self._now = now
        self._look_most = look_most.total_seconds()

    async def run(self, checks: Sequence[Check], since: datetime) -> tuple[CheckResult, ...]:
        """What each check found in the end; the time for them runs from ``since``."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch(check, since)) for check in checks]
        return tuple(task.result() for task in tasks)

    async def _watch(self, check: Check, since: datetime) -> CheckResult:
        watch = Watch(since, check.within, check.hold)
        while True:
            watch = watch.saw(await self._look(check), self._now())
            standing = watch.standing()
            if standing is not Standing.OPEN:
                break
            await asyncio.sleep(watch.pause().total_seconds())
        return CheckResult(
            check=self._mask(described(check)),
            passed=standing is Standing.PASSED,
            detail=self._mask(watch.last.detail),
            tries=watch.tries,
            at=self._now(),
        )

    async def _look(self, check: Check) -> Observation:
        try:
            async with asyncio.timeout(self._look_most):
                return await self._looks.look(check)
        except TimeoutError:
            detail = f"no whole answer within {self._look_most:g} s"
            return Observation(true=False, detail=detail)
