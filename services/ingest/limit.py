"""How much a source may send that has a limit: a bucket of tokens, one for each alert."""

import math
import time
from collections.abc import Callable
from typing import Final

from shared.config.limits import AlertLimit

# What is paid in is counted in fractions, whose sum may be short by less than this.
_EXACT: Final = 1e-6


class OverLimit(Exception):  # noqa: N818 it is an answer, not a failure
    """A source sent more than it may; after ``seconds`` (at least one) the same is accepted."""

    def __init__(self, limit: AlertLimit, seconds: int) -> None:
        super().__init__(
            f"over this source's limit ({limit}): nothing of this was accepted, "
            f"send it again in {seconds} s"
        )
        self.limit = limit
        self.seconds = seconds


class Bucket:
    """The tokens of one source, in this process; it begins full, and never ends without a limit.

    A body costs one token, and each alert in it after the first another one. A notification with
    more alerts than the bucket can hold is accepted when that is full, and is paid off by what
    comes later.
    """

    def __init__(
        self, limit: AlertLimit | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._most = limit.most if limit else math.inf
        self._rate = limit.rate if limit else 0.0
        self._clock = clock
        self._tokens: float = self._most
        self._filled_at = clock()

    def look(self) -> None:
        """Raise unless a body is worth reading; takes nothing.

        Raises:
            OverLimit: it is not.
        """
        self._need(1, 1)

    def take_body(self) -> None:
        """Pay for a body of a verified sender, whatever is in it.

        Raises:
            OverLimit: nothing was taken.
        """
        self._need(1, 1)
        self._tokens -= 1

    def take_alerts(self, number: int) -> None:
        """Pay for the alerts of a body that was paid for.

        Raises:
            OverLimit: nothing was taken but for the body.
        """
        others = max(0, number - 1)
        wanted = min(others, self._most - 1)
        # Sent again, the body has to be paid for again.
        self._need(wanted, wanted + 1)
        self._tokens -= others

    def give_back(self, number: int) -> None:
        """Take back what was paid for so many alerts, since they could not be kept."""
        self._tokens = min(self._most, self._tokens + max(1, number))

    def _need(self, tokens: float, next_time: float) -> None:
        now = self._clock()
        filled = self._tokens + (now - self._filled_at) * self._rate
        self._tokens, self._filled_at = min(self._most, filled), now
        if self._limit is not None and self._tokens < tokens - _EXACT:
            missing = (next_time - self._tokens) / self._rate
            raise OverLimit(self._limit, max(1, math.ceil(missing - _EXACT)))
