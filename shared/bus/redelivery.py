"""When a message that a handler could not take is tried again, and when it is given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.errors import PermanentError, UnavailableError

#: The pause after the first, second… failure; one delivery more than there are pauses is made.
DELAYS: Final = tuple(timedelta(seconds=s) for s in (0.5, 1, 2, 5, 15, 30, 60))


@dataclass(frozen=True)
class TryAgain:
    """Deliver the message once more, after the delay."""

    delay: timedelta


@dataclass(frozen=True)
class GiveUp:
    """Put the message with the dead letters."""


def after_failure(
    error: Exception, delivered: int, *, delays: Sequence[timedelta] = DELAYS
) -> TryAgain | GiveUp:
    """What becomes of a message whose handler raised ``error`` at its ``delivered``-th delivery.

    A server that does not answer is no fault of the message: that is tried for ever.
    """
    delay = delays[min(delivered, len(delays)) - 1]
    if isinstance(error, UnavailableError):
        return TryAgain(delay)
    if isinstance(error, PermanentError):
        return GiveUp()
    return TryAgain(delay) if delivered <= len(delays) else GiveUp()
