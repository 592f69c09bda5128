"""When a message that a handler could not take is tried again, and when it is given up."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fast_depends.exceptions import ValidationError as InjectionError
from pydantic import ValidationError

from shared.errors import PermanentError, UnavailableError

#: The pause after the first, second… failure.
DELAYS: Final = tuple(timedelta(seconds=s) for s in (0.5, 1, 2, 5, 15, 30, 60))
MAX_DELIVERIES: Final = len(DELAYS) + 1


@dataclass(frozen=True)
class TryAgain:
    """Deliver the message once more, after the delay."""

    delay: timedelta


@dataclass(frozen=True)
class GiveUp:
    """Put the message with the dead letters."""


def after_failure(error: Exception, delivered: int) -> TryAgain | GiveUp:
    """What becomes of a message whose handler raised ``error`` at its ``delivered``-th delivery.

    A server that does not answer is no fault of the message: that is tried for ever.
    """
    delay = DELAYS[min(delivered, len(DELAYS)) - 1]
    if isinstance(error, UnavailableError):
        return TryAgain(delay)
    if isinstance(error, PermanentError | ValidationError | InjectionError):
        return GiveUp()
    return TryAgain(delay) if delivered < MAX_DELIVERIES else GiveUp()
