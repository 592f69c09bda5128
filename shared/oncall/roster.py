"""Everybody who is on call, by every schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.oncall.calendar import Calendar, Duty, between, duty
from shared.policy.terms import ON_CALL, on_call_of


@dataclass(frozen=True)
class Standing:
    """How well a schedule that somebody else keeps is known.

    Attributes:
        fetched_at: when it was last had; None before the first time.
        error: why it could not be had since, if so.
        strangers: who is on call there and is nobody under ``people``.
    """

    fetched_at: datetime | None = None
    error: str = ""
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roster:
    """Schedules by their names; ``standing`` has those that somebody else keeps."""

    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    standing: Mapping[str, Standing] = field(default_factory=dict)

    def duty(self, schedule: str, moment: datetime) -> Duty:
        """Who is on call by one schedule, and who is next.

        Raises:
            KeyError: there is no such schedule.
        """
        return duty(self.calendars[schedule], moment)

    def on_call(self, term: str, moment: datetime) -> frozenset[str] | None:
        """Who is on call at a moment; see ``between``."""
        return self.between(term, moment, moment)

    def between(self, term: str, since: datetime, until: datetime) -> frozenset[str] | None:
        """See ``shared.policy.voters.OnCall``: by one schedule, or for ``on-call`` by any of them.

        A schedule that is not there, or not known yet, has nobody.
        """
        if not self.calendars:
            return None
        return frozenset(
            person
            for name, calendar in self.calendars.items()
            if term in {ON_CALL, on_call_of(name)}
            for person in between(calendar, since, until)
        )
