"""Whether a check that is looked at again and again has held for long enough, in time."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.events import Check, CommandCheck, HttpCheck, SqlCheck

SHORTEST_PAUSE: Final = timedelta(seconds=0.01)
FIRST_PAUSE: Final = timedelta(seconds=0.5)
LONGEST_PAUSE: Final = timedelta(seconds=5)
# The last look begins when the time is up, and its answer comes a moment later.
LOOK_TIME: Final = timedelta(seconds=2)


class Standing(StrEnum):
    """What is known of a check so far."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class Observation:
    """What one look found; ``detail`` is for a person to read."""

    true: bool
    detail: str


@dataclass(frozen=True)
class Watch:
    """The looks at one check so far. The time for it runs from ``since``, also after a restart.

    The first look counts however late it comes: what nobody looked at is not known to be wrong.
    """

    since: datetime
    within: timedelta
    hold: timedelta
    tries: int = 0
    true_since: datetime | None = None
    last: Observation = Observation(true=False, detail="not looked at yet")
    first_at: datetime | None = None
    at: datetime | None = None

    def saw(self, observation: Observation, at: datetime) -> "Watch":
        """The watch after one more look."""
        true_since = (self.true_since or at) if observation.true else None
        return replace(
            self,
            tries=self.tries + 1,
            true_since=true_since,
            last=observation,
            first_at=self.first_at or at,
            at=at,
        )

    def standing(self) -> Standing:
        """Passed when it has been true for ``hold`` without a break, failed when it is too late.

        A hold that began in time may end after it.
        """
        if self.at is None:
            return Standing.OPEN
        if self.true_since is None:
            return Standing.FAILED if self.at >= self._until() else Standing.OPEN
        if self.true_since > self._until() + LOOK_TIME:
            return Standing.FAILED
        return Standing.PASSED if self.at - self.true_since >= self.hold else Standing.OPEN

    def pause(self) -> timedelta:
        """How long to wait before the next look: longer each time, and never past an end."""
        grown = min(FIRST_PAUSE * 1.5 ** max(0, self.tries - 1), LONGEST_PAUSE)
        if self.at is None:
            return grown
        end = self._until() if self.true_since is None else self.true_since + self.hold
        return max(SHORTEST_PAUSE, min(grown, end - self.at))

    def _until(self) -> datetime:
        """When the check has to be true at the latest, if only for the first time."""
        late = self.since + self.within
        return late if self.first_at is None else max(late, self.first_at)


def described(check: Check) -> str:
    """A check as a line for a person to read."""
    match check:
        case HttpCheck():
            text = f" with “{check.contains}” in it" if check.contains else ""
            return f"GET {_without_login(check.url)} answers {check.status}{text}"
        case CommandCheck(uses="kubernetes"):
            return f"`{' '.join(check.run.split())}` on {check.target} finds it so"
        case CommandCheck():
            return f"`{check.run}` on {check.target} ends with {check.exit_code}"
        case SqlCheck():
            return f"`{check.run}` on {check.target} finds a row that is true"
    return f"prometheus: {check.query}"


def _without_login(url: str) -> str:
    return re.sub(r"(?<=://)[^/?#]*@", "", url)
