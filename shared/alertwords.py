"""Conditions of ``handrail.yaml`` that ask about one alert, in CEL."""

from typing import Annotated, Any, Final

import cel
from pydantic import AfterValidator

from shared.events import Alert
from shared.runbook.conditions import Answer, answer, mistakes

#: What a condition may ask about; ``labels`` and ``annotations`` are maps, the rest are texts.
WORDS: Final = frozenset(
    {
        "name",
        "source",
        "status",
        "severity",
        "title",
        "description",
        "resource",
        "labels",
        "annotations",
    }
)


def checked(text: str, words: frozenset[str] = WORDS) -> str:
    """The condition itself.

    Raises:
        ValueError: it is none, or asks for what is not known.
    """
    for wrong in mistakes(text, variables=words):
        raise ValueError(f"at character {wrong.offset + 1}: {wrong.message}")
    return text


#: A condition on an alert, checked when the file is read.
AlertCondition = Annotated[str, AfterValidator(checked)]


def said_by(alert: Alert) -> dict[str, Any]:
    """The alert as a condition sees it; a severity that nobody said is empty."""
    return {
        "name": alert.name,
        "source": alert.source,
        "status": alert.status.value,
        "severity": alert.severity.value if alert.severity else "",
        "title": alert.title,
        "description": alert.description,
        "resource": alert.resource,
        "labels": alert.labels,
        "annotations": alert.annotations,
    }


def asked(condition: str, alert: Alert) -> Answer:
    """Whether a condition holds of an alert; one that cannot be worked out does not hold."""
    return answer(condition, _seen.of(alert))


class _Seen:
    """The alert that was asked about last, as CEL sees it.

    Many conditions are asked about one alert before the next one comes, and to turn its words into
    CEL's costs a hundred times as much as to ask.
    """

    def __init__(self) -> None:
        self._last: tuple[Alert, cel.Context] | None = None

    def of(self, alert: Alert) -> cel.Context:
        if self._last is None or self._last[0] is not alert:
            self._last = alert, cel.Context(said_by(alert))
        return self._last[1]


_seen: Final = _Seen()
