"""``sources.X.limit``: how many alerts a source may send; without it, as many as it likes."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from shared.config.section import Section
from shared.durations import PositiveDuration

_MOST: Final = 1_000_000_000

_Number = Annotated[int, Field(ge=1, le=_MOST)]


class AlertLimit(Section):
    """So many ``alerts`` in each time of ``per``; for a sender that is known to send too much.

    ``burst`` is how many may come at once after a quiet time: those of one ``per`` where it is not
    said. Each process of ingest counts for itself.
    """

    alerts: _Number
    per: PositiveDuration = timedelta(minutes=1)
    burst: _Number | None = None

    @property
    def rate(self) -> float:
        """Alerts a second."""
        return self.alerts / self.per.total_seconds()

    @property
    def most(self) -> int:
        """Alerts that may come at once."""
        return self.burst or self.alerts

    def __str__(self) -> str:
        """As a sender is told of it."""
        return f"{self.alerts} alerts in {self.per.total_seconds():g} s, {self.most} at once"
