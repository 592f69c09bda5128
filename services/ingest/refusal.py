"""What is answered to a request that is not accepted: what to change, or when to send it again."""

from enum import StrEnum
from typing import Final

from services.ingest.door import Stranger
from services.ingest.gate import Busy
from services.ingest.limit import OverLimit

RETRY_AFTER_SECONDS: Final = 5


class Why(StrEnum):
    """The reason of a refusal, as it is counted."""

    AUTH = "auth"
    BUSY = "busy"
    CONFLICT = "conflict"
    INCOMPLETE = "incomplete"
    LIMIT = "limit"
    NOT_UNDERSTOOD = "not_understood"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    UNKNOWN_SOURCE = "unknown_source"


_USUALLY: Final = {
    400: Why.NOT_UNDERSTOOD,
    401: Why.AUTH,
    403: Why.AUTH,
    404: Why.UNKNOWN_SOURCE,
    408: Why.INCOMPLETE,
    409: Why.CONFLICT,
    413: Why.TOO_LARGE,
    422: Why.NOT_UNDERSTOOD,
    429: Why.LIMIT,
    503: Why.UNAVAILABLE,
}


class Refusal(Exception):  # noqa: N818 it is an answer, not a failure
    """A request that is not accepted; ``reason`` says what to change."""

    def __init__(
        self, status: int, reason: str, *, problems: tuple[str, ...] = (), why: Why | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.why = why or _USUALLY[status]
        self.problems = problems
        self.body: dict[str, object] = {"error": reason}
        if problems:
            self.body["problems"] = problems
        self.headers: dict[str, str] = {}


def turned_away(stranger: Stranger) -> Refusal:
    """A sender that is not who it has to be, as HTTP says it."""
    refusal = Refusal(stranger.status, str(stranger))
    if stranger.challenge:
        refusal.headers["WWW-Authenticate"] = stranger.challenge
    return refusal


def later(reason: str, *, why: Why = Why.UNAVAILABLE) -> Refusal:
    """To be sent again, in some seconds."""
    refusal = Refusal(503, reason, why=why)
    refusal.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return refusal


def busy(reason: Busy) -> Refusal:
    """To be sent again, since there is more to take in than there is room for."""
    return later(f"not accepted, ingest is busy: {reason}; send it again", why=Why.BUSY)


def over(limit: OverLimit) -> Refusal:
    """To be sent again when the source has not sent anything for so long."""
    refusal = Refusal(429, str(limit))
    refusal.headers["Retry-After"] = str(limit.seconds)
    refusal.body["limit"] = {
        "alerts": limit.limit.alerts,
        "per_seconds": limit.limit.per.total_seconds(),
        "burst": limit.limit.most,
    }
    return refusal
