"""Which route a question takes, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from shared.config import Target
from shared.config.routes import DEFAULT, RouteConfig
from shared.events import Alert, PlanChoiceNeeded, QuestionAsked, StepAwaitingApproval
from shared.lifecycle import Severity
from shared.policy.facts import clock_words
from shared.policy.terms import Met
from shared.runbook.conditions import answer

Asked = StepAwaitingApproval | PlanChoiceNeeded | QuestionAsked


@dataclass(frozen=True)
class Considered:
    """A route that was looked at; ``why`` is what its condition said."""

    name: str
    met: Met
    why: str


@dataclass(frozen=True)
class Matched:
    """The route of a question, and all that were looked at on the way."""

    route: RouteConfig
    trace: tuple[Considered, ...] = ()

    @property
    def is_default(self) -> bool:
        return self.route is DEFAULT


def matched(
    routes: Iterable[RouteConfig], asked: Asked, targets: Mapping[str, Target], now: datetime
) -> Matched:
    """The first route whose condition holds.

    One that cannot be worked out, since it asks for what is not known, does not hold: somebody
    further down is told rather than nobody.
    """
    said, trace = _said(asked, targets), []
    for route in routes:
        words = {**said, "time": clock_words(now.astimezone(ZoneInfo(route.timezone)))}
        met, why = _ask(route.when, words)
        trace.append(Considered(route.name, met, why))
        if met is Met.YES:
            return Matched(route, tuple(trace))
    return Matched(DEFAULT, tuple(trace))


@dataclass(frozen=True)
class About:
    """What is known of a ticket of which something is told.

    ``runbook`` and ``target`` are those of its latest plan; no target where it has several.
    """

    severity: Severity
    title: str
    alert: Alert | None = None
    runbook: str = ""
    target: str = ""


def outcome_route(
    routes: Iterable[RouteConfig],
    about: About,
    kind: str,
    now: datetime,
    targets: Mapping[str, Target] = MappingProxyType({}),
) -> RouteConfig | None:
    """The first route that says what is told of such a ticket; none leaves it to the channels."""
    said: dict[str, Any] = {"severity": about.severity.value, "title": about.title}
    if about.alert is not None:
        said = _ticket(about.alert, about.severity)
    words: dict[str, Any] = {
        "ticket": said,
        "outcome": {"kind": kind},
        "question": {},
        "step": {},
        "runbook": {"name": about.runbook} if about.runbook else {},
        "target": _target(about.target, targets.get(about.target)) if about.target else {},
    }
    for route in routes:
        if route.outcomes is None:
            continue
        words["time"] = clock_words(now.astimezone(ZoneInfo(route.timezone)))
        if _ask(route.when, words)[0] is Met.YES:
            return route
    return None


def _ask(condition: str | None, words: Mapping[str, Any]) -> tuple[Met, str]:
    if condition is None:
        return Met.YES, "it is for every question"
    told = answer(condition, words)
    if told.problem:
        return Met.UNKNOWN, f"{condition}: {told.problem}"
    return (Met.YES if told.holds else Met.NO), condition


def _said(asked: Asked, targets: Mapping[str, Target]) -> dict[str, Any]:
    if isinstance(asked, PlanChoiceNeeded):
        return {
            "question": {"kind": "choice"},
            "outcome": {},
            "ticket": _ticket(asked.alert, asked.severity),
            "runbook": {},
            "step": {},
            "target": {},
        }
    ticket: dict[str, Any] = {"severity": asked.severity.value, "title": asked.ticket_title}
    if isinstance(asked, QuestionAsked):
        return {
            "question": {"kind": asked.asked.value},
            "outcome": {},
            "ticket": ticket,
            "runbook": {"name": asked.runbook},
            "step": {"id": asked.step_id},
            "target": _target(asked.target, targets.get(asked.target)) if asked.target else {},
        }
    return {
        "question": {"kind": "approval"},
        "outcome": {},
        "ticket": _ticket(asked.alert, asked.severity) if asked.alert else ticket,
        "runbook": {"name": asked.runbook, "labels": asked.runbook_labels},
        "step": {
            "id": asked.step_id,
            "uses": asked.connector,
            "risk": asked.risk.value,
            "command": asked.command,
        },
        "target": _target(asked.target, targets.get(asked.target)),
    }


def _ticket(alert: Alert, severity: Severity) -> dict[str, Any]:
    said: dict[str, Any] = {
        "severity": severity.value,
        "name": alert.name,
        "source": alert.source,
        "labels": dict(alert.labels),
        "title": alert.title,
    }
    return said | ({"resource": alert.resource} if alert.resource else {})


def _target(name: str, target: Target | None) -> dict[str, Any]:
    if target is None:
        return {"name": name, "labels": {}}
    said = {"name": name, "connector": target.connector, "labels": dict(target.labels)}
    return said | ({"environment": target.environment} if target.environment else {})
