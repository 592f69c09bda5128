"""What of an alert is searched for: the words that say what is wrong, and no secrets."""

import re
from collections.abc import Iterator
from typing import Final

from shared.events import Alert

#: Labels that say what a problem is about; the others name machines, moments and teams.
_LABELS: Final = (
    *("job", "service", "app", "application", "component", "queue", "topic", "database"),
    *("mountpoint", "device", "unit", "check", "reason", "condition", "error"),
)
_ANNOTATIONS: Final = ("summary", "description", "message")
#: More than this is a log, in which the problem's own words would be lost.
_LENGTH: Final = 1000
_SECRET: Final = re.compile(
    r"\b[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|authorization|credential)[\w-]*"
    r"\s*(?:=|:)\s*(?:(?:bearer|basic)\s+)?\S+",
    re.IGNORECASE,
)


def query(alert: Alert) -> str:
    """A line for each thing that the alert says of its problem, none twice."""
    said: list[str] = []
    for text in _texts(alert):
        line = " ".join(_SECRET.sub(" ", text[:_LENGTH]).split())
        if line and not any(line in other for other in said):
            said.append(line)
    return "\n".join(said)


def _texts(alert: Alert) -> Iterator[str]:
    yield from (alert.name, alert.title, alert.description)
    yield from (alert.annotations.get(name, "") for name in _ANNOTATIONS)
    yield alert.resource
    yield from (alert.labels.get(name, "") for name in _LABELS)
