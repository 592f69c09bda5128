"""The rules of ``handrail.yaml`` on alerts, counting which of them decide."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from services.ingest.correlation.rules import Correlating
from services.ingest.identity import Identified, Identity
from services.ingest.maintenance.windows import Window, Windows
from services.ingest.rules import Rules
from services.ingest.ruling import Quiet
from services.ingest.triggers import Triggers, Verdict
from shared.config import Config
from shared.events import Alert


@dataclass(frozen=True)
class CountedTriggers(Triggers):
    """Triggers that note whenever one decides."""

    counts: Counter[str] = field(default_factory=Counter)

    def decided(self, alert: Alert) -> Verdict:
        verdict = super().decided(alert)
        if verdict.by:
            self.counts[verdict.by] += 1
        return verdict


@dataclass(frozen=True)
class CountedIdentity(Identity):
    """Identity that notes whenever a rule says which problem an alert is about."""

    counts: Counter[str] = field(default_factory=Counter)

    def identified(self, alert: Alert) -> Identified:
        found = super().identified(alert)
        if found.rule:
            self.counts[found.rule] += 1
        return found


@dataclass(frozen=True)
class Counted:
    """All rules on alerts of one configuration, ready to be asked in the order of time."""

    identity: CountedIdentity
    triggers: CountedTriggers
    windows: Windows
    correlating: Correlating
    suppressed_by: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, config: Config) -> "Counted":
        return cls(
            CountedIdentity(Identity.of(config).rules),
            CountedTriggers(config.triggers),
            Windows(tuple(Window(said) for said in config.maintenance)),
            Correlating(config.correlation),
        )

    @property
    def rules(self) -> Rules:
        """As ingest asks them."""
        return Rules(self.identity, self.triggers, self._covering, self.correlating.memberships)

    def _covering(self, alert: Alert, now: datetime) -> Quiet | None:
        quiet = self.windows.covering(alert, now)
        if quiet is not None:
            self.suppressed_by[quiet.window] += 1
        return quiet
