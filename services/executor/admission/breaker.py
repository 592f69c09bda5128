"""A circuit breaker for each target: where much goes wrong, nothing is begun for a while."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

#: However often it opened, it is looked at again after this.
OPEN_MOST: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Threshold:
    """So many failures within a time open the breaker, at first for ``open_for``; that doubles."""

    failures: int = 5
    within: timedelta = timedelta(minutes=10)
    open_for: timedelta = timedelta(minutes=1)


@dataclass(frozen=True)
class Breaker:
    """How a target did of late.

    ``opened`` counts how often in a row it was opened: a success closes it and begins anew. After
    ``open_until`` steps go on, and the next failure opens it again, for longer.
    """

    failures: tuple[datetime, ...] = ()
    open_until: datetime | None = None
    opened: int = 0

    def failed(self, now: datetime, threshold: Threshold) -> Self:
        """After one more failure."""
        recent = tuple(at for at in self.failures if now - at < threshold.within)
        failed = replace(self, failures=(*recent, now)[-threshold.failures :])
        if self.is_open(now) or len(failed.failures) < threshold.failures:
            return failed
        span = min(threshold.open_for * 2**self.opened, OPEN_MOST)
        return replace(failed, open_until=now + span, opened=self.opened + 1)

    def is_open(self, now: datetime) -> bool:
        return self.open_until is not None and now < self.open_until

    def reason(self, target: str, now: datetime) -> str:
        """Why nothing is begun on the target; empty where that is not so."""
        if self.open_until is None or not self.is_open(now):
            return ""
        return (
            f"{target} is left alone until {self.open_until:%H:%M:%S} UTC: "
            f"{len(self.failures)} failures there of late"
        )
