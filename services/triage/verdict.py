"""The rules reasoner: what an alert says about itself, and what evidence says about that."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from services.triage.evidence import NOTHING, Gathered
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity, Verdict

#: From here on a false verdict closes a ticket without a person.
CLOSE_FROM: Final = 0.8

#: How sure evidence makes: that refutes an alert, that confirms it, and both at once.
REFUTED: Final = 0.85
CONFIRMED: Final = 0.97
CONTESTED: Final = 0.5

# Always firing by design: their silence is the alarm (Prometheus' Watchdog and its kin). Whole
# names only, since a MissingHeartbeat is a problem.
_HEARTBEATS: Final = ("watchdog", "deadmansswitch", "deadmanssnitch", "alwaysfiring", "heartbeat")
_TEST_NAMES: Final = ("test", "testalert", "alerttest", "test[-_ ]*", "infoinhibitor")
_TEST_ENVIRONMENTS: Final = frozenset({"test", "testing", "sandbox", "playground"})
_ENVIRONMENT_LABELS: Final = ("environment", "env", "stage")

# Words that say something is down for its users, whatever severity the rule's author gave it.
_OUTAGE: Final = re.compile(
    r"\b(down|outage|unreachable|unavailable|not answering|data loss)\b",
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")


@dataclass(frozen=True)
class Judgement:
    """What triage makes of a ticket, and of what; ``reasons`` are for a person to read."""

    verdict: Verdict
    confidence: float
    severity: Severity
    reasons: tuple[str, ...]
    evidence: Gathered = NOTHING

    @property
    def closes(self) -> bool:
        """Whether the ticket is closed without a plan."""
        return self.verdict is Verdict.FALSE and self.confidence >= CLOSE_FROM


@dataclass(frozen=True)
class Sign:
    """Something that speaks for a false alarm, and how strongly."""

    confidence: float
    reason: str


def judged(alert: Alert, evidence: Gathered = NOTHING) -> Judgement:
    """Judge an alert by what it says, and by what was found when somebody looked.

    The strongest sign of a false alarm decides; without one the alert is believed, less so when its
    source did not say how bad it is. Evidence that refutes it is a sign, unless other evidence
    confirms it: then nobody can be sure. What confirms it does not speak against other signs.
    """
    severity, why = _severity(alert)
    signs = sorted([*_signs(alert), *_refuted(evidence)], key=lambda sign: -sign.confidence)

    def judgement(verdict: Verdict, confidence: float, *reasons: str) -> Judgement:
        return Judgement(verdict, confidence, severity, reasons, evidence)

    if signs:
        reasons = (*(sign.reason for sign in signs), why)
        return judgement(Verdict.FALSE, signs[0].confidence, *reasons)
    if evidence.refuting:
        reasons = (*evidence.refuting, *evidence.confirming, why)
        return judgement(Verdict.UNCERTAIN, CONTESTED, *reasons)
    if evidence.confirming:
        return judgement(Verdict.TRUE, CONFIRMED, *evidence.confirming, why)
    if alert.severity is None:
        return judgement(Verdict.UNCERTAIN, 0.6, why, "its source did not say how bad it is")
    return judgement(Verdict.TRUE, 0.9, why, "nothing speaks for a false alarm")


def _refuted(evidence: Gathered) -> list[Sign]:
    if evidence.confirming:
        return []
    return [Sign(REFUTED, reason) for reason in evidence.refuting]


def _signs(alert: Alert) -> list[Sign]:
    return [sign for look in _LOOKS if (sign := look(alert)) is not None]


def _heartbeat(alert: Alert) -> Sign | None:
    if _any_match(alert.name, _HEARTBEATS):
        return Sign(
            0.99, f"{alert.name} fires all the time by design: it shows that alerting works"
        )
    return None


def _test_name(alert: Alert) -> Sign | None:
    if _any_match(alert.name, _TEST_NAMES):
        return Sign(0.95, f"{alert.name} is the name of a test or a helper, not of a problem")
    return None


def _says_test(alert: Alert) -> Sign | None:
    for name in ("test", "handrail_test"):
        if alert.labels.get(name, "").lower() in {"true", "1", "yes"}:
            return Sign(0.95, f"its label {name} says that it is a test")
    return None


def _test_environment(alert: Alert) -> Sign | None:
    for name in _ENVIRONMENT_LABELS:
        value = alert.labels.get(name, "").lower()
        if value in _TEST_ENVIRONMENTS:
            return Sign(0.85, f"its label {name} says {value}: nobody depends on that")
    return None


def _over_already(alert: Alert) -> Sign | None:
    if alert.status is AlertStatus.RESOLVED:
        return Sign(0.9, "its source said in the same notification that it is over")
    return None


_LOOKS: Final[tuple[Callable[[Alert], Sign | None], ...]] = (
    _heartbeat,
    _test_name,
    _says_test,
    _test_environment,
    _over_already,
)


def _severity(alert: Alert) -> tuple[Severity, str]:
    if alert.severity is not None:
        return alert.severity, f"{alert.severity}, as its source says"
    text = _CAMEL.sub(" ", f"{alert.name} {alert.title} {alert.description}").lower()
    found = _OUTAGE.search(text)
    if found:
        return Severity.P2, f"P2, since its text says “{found[0]}”"
    return Severity.P3, "P3, since nothing says how bad it is in words that are known"


def _any_match(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in patterns)
