"""Which maintenance window covers an alert."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.ingest.ruling import Quiet
from shared.alertwords import asked
from shared.config.maintenance import MaintenanceWindow
from shared.events import Alert
from shared.matchers import matcher
from shared.recurrence import Outlook

#: A matcher on this label looks at the alert's name where there is no such label.
_ALERTNAME: Final = "alertname"


class Window:
    """One window, ready to be asked often: it remembers what holds until the next change."""

    def __init__(self, said: MaintenanceWindow) -> None:
        self.said = said
        self.schedule = said.schedule()
        self._matchers = tuple(matcher(written) for written in said.matchers)
        self._outlook: Outlook | None = None

    def outlook(self, now: datetime) -> Outlook:
        """Whether it is on, until when, and when it is next."""
        if self._outlook is None or not self._outlook.holds(now):
            self._outlook = self.schedule.outlook(now)
        return self._outlook

    def is_for(self, alert: Alert) -> bool:
        """Whether it is for such alerts; a condition that cannot be worked out does not hold."""
        if self._matchers:
            labels = _named(alert)
            if not all(one.holds(labels) for one in self._matchers):
                return False
        return self.said.when is None or asked(self.said.when, alert).holds


@dataclass(frozen=True)
class Windows:
    """All windows that there are at a time."""

    windows: tuple[Window, ...] = ()

    def covering(self, alert: Alert, now: datetime) -> Quiet | None:
        """The window that covers the alert now; of several, the one that ends last."""
        found: Window | None = None
        latest = now
        for window in self.windows:
            ends = window.outlook(now).ends
            if ends is not None and ends > latest and window.is_for(alert):
                found, latest = window, ends
        if found is None:
            return None
        return Quiet(window=found.said.name, reason=found.said.reason, until=latest)


def _named(alert: Alert) -> Mapping[str, str]:
    if _ALERTNAME in alert.labels:
        return alert.labels
    return {**alert.labels, _ALERTNAME: alert.name}
