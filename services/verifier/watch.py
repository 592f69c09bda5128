"""Whether a check that is looked at again and again has held for long enough, in time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.events import Check, CommandCheck, HttpCheck

FIRST_PAUSE: Final = timedelta(seconds=0.5)
LONGEST_PAUSE: Final = timedelta(seconds=5)


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
    """The looks at one check so far. The time for it runs from ``since``, also after a restart."""

    since: datetime
    within: timedelta
    hold: timedelta
    tries: int = 0
    true_since: datetime | None = None
    last: Observation = Observation(true=False, detail="not looked at yet")
    at: datetime | None = None

    def saw(self, observation: Observation, at: datetime) -> "Watch":
        """The watch after one more look."""
        true_since = (self.true_since or at) if observation.true else None
        return replace(self, tries=self.tries + 1, true_since=true_since, last=observation, at=at)

    def standing(self) -> Standing:
        """Passed when it has been true for ``hold`` without a break, failed when it is too late.

        A hold that began in time may end after it.
        """
        if self.at is None:
            return Standing.OPEN
        if self.true_since is not None:
            began_in_time = self.true_since <= self.since + self.within
            if began_in_time and self.at - self.true_since >= self.hold:
                return Standing.PASSED
            return Standing.OPEN if began_in_time else Standing.FAILED
        return Standing.FAILED if self.at >= self.since + self.within else Standing.OPEN

    def pause(self) -> timedelta:
        """How long to wait before the next look: longer each time, shorter near an end."""
        grown = min(FIRST_PAUSE * 1.5 ** max(0, self.tries - 1), LONGEST_PAUSE)
        if self.at is None or self.true_since is None:
            return grown
        left = self.hold - (self.at - self.true_since)
        return max(timedelta(milliseconds=10), min(grown, left))


def described(check: Check) -> str:
    """A check as a line for a person to read."""
    match check:
        case HttpCheck():
            text = f" with “{check.contains}” in it" if check.contains else ""
            return f"GET {check.url} answers {check.status}{text}"
        case CommandCheck():
            return f"`{check.run}` on {check.target} ends with {check.exit_code}"
    return f"prometheus: {check.query}"
