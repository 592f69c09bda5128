"""All rules of ``handrail.yaml`` on what becomes of an alert, asked one after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.ingest.identity import Identity
from services.ingest.ruling import Membership, Quiet, Ruling
from services.ingest.triggers import Triggers
from shared.events import Alert, AlertStatus

#: The maintenance window that covers an alert at a time, if any does.
Covering = Callable[[Alert, datetime], Quiet | None]
#: The groups that an alert's ticket may belong to.
Memberships = Callable[[Alert], tuple[Membership, ...]]


@dataclass(frozen=True)
class Rules:
    """Identity first, since the others may look at one problem only; it is called as a ``Rule``."""

    identity: Identity
    triggers: Triggers
    covering: Covering
    memberships: Memberships

    def __call__(self, alert: Alert, now: datetime) -> Ruling:
        """What the rules say of an alert that comes at this time."""
        identified = self.identity.identified(alert)
        alert = identified.alert
        if alert.status is AlertStatus.RESOLVED:
            return Ruling(alert, because=identified.because)
        verdict = self.triggers.decided(alert)
        return Ruling(
            alert,
            opens=verdict.opens,
            because="; ".join(filter(None, (verdict.because, identified.because))),
            quiet=self.covering(alert, now) if verdict.opens else None,
            groups=self.memberships(alert),
        )

    def as_asked_for(self, alert: Alert, now: datetime) -> Ruling:  # noqa: ARG002 see ``Rule``
        """What they say of a ticket that somebody asks for: neither triggers nor windows count."""
        return Ruling(alert, because="somebody asked for it", groups=self.memberships(alert))
