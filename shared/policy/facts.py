"""What a policy is asked about: one step of one plan, and the circumstances.

A fact that is None is not known. Conditions do not see it, so that one which needs it cannot be
worked out; such a condition never loosens anything (see ``engine``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from shared.events import FoundBy
from shared.lifecycle import Effect, Risk, Severity
from shared.policy.terms import Author

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY: Final = 5


@dataclass(frozen=True)
class TicketFacts:
    """The ticket that the plan is for.

    Attributes:
        name: the alert's name.
        source: who told it, as ``sources`` calls it.
        title: one line for people.
        severity: as triage set it.
        labels: those of the alert.
        resource: what is affected; empty where the source did not say.
        count: firing notifications so far.
        flapping: whether the problem comes and goes.
    """

    name: str
    source: str
    title: str = ""
    severity: Severity | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    resource: str = ""
    count: int | None = None
    flapping: bool | None = None


@dataclass(frozen=True)
class RunbookFacts:
    """The runbook that the plan was made from.

    Attributes:
        name: as in its metadata.
        version: the hash of its text.
        labels: as in its metadata.
        proposed_by: who wrote the commands; None counts as the reasoner.
        found_by: whether its rules name the alert, or the search found it.
    """

    name: str
    version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    proposed_by: Author | None = None
    found_by: FoundBy = FoundBy.RULE


@dataclass(frozen=True)
class StepFacts:
    """The step as it would run.

    Attributes:
        id: as in the runbook.
        uses: the connector.
        risk: how much it could break; None counts as critical.
        effect: what a second run would do; None counts as a change.
        command: what is run, rendered.
        others: what else it may run: its check, its rollback. Only ``deny`` by command looks at it.
        action: what a connector without commands is told to do.
    """

    id: str
    uses: str
    risk: Risk | None = None
    effect: Effect | None = None
    command: str | None = None
    others: tuple[str, ...] = ()
    action: str | None = None


@dataclass(frozen=True)
class TargetFacts:
    """Where the step would run.

    Attributes:
        name: as in ``targets``.
        connector: how it is reached.
        labels: as in ``targets``.
        environment: as in ``targets``, such as ``production``.
    """

    name: str
    connector: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None


@dataclass(frozen=True)
class HistoryFacts:
    """What became of this runbook with exactly this text, and what happened in the last hour.

    Attributes:
        runs: sessions that ran something to the end.
        verified: those after which a machine found the problem gone.
        failed: those whose steps failed, or after which the problem was still there.
        failed_in_a_row: those since the last that was verified.
        on_target_last_hour: changing steps on this target, those before this one included.
        runbook_last_hour: plans from this runbook, whatever its text.
    """

    runs: int | None = None
    verified: int | None = None
    failed: int | None = None
    failed_in_a_row: int | None = None
    on_target_last_hour: int | None = None
    runbook_last_hour: int | None = None

    @property
    def rate(self) -> float | None:
        """Verified runs of all; nothing without runs."""
        if self.runs is None or self.verified is None:
            return None
        return self.verified / self.runs if self.runs else 0.0


@dataclass(frozen=True)
class Facts:
    """All that is known of one step when it is judged.

    Attributes:
        ticket: see there, as for the next four.
        runbook: see there.
        step: see there.
        target: see there.
        history: see there.
        now: with a time zone.
        stopped: why everything is stopped, if it is.
    """

    ticket: TicketFacts
    runbook: RunbookFacts
    step: StepFacts
    target: TargetFacts
    history: HistoryFacts
    now: datetime
    stopped: str | None = None


def said_by(facts: Facts, *, zone: ZoneInfo, trusted: bool | None) -> dict[str, Any]:
    """The facts as conditions see them, without what is not known."""
    ticket, runbook, step = facts.ticket, facts.runbook, facts.step
    target, history = facts.target, facts.history
    return {
        "ticket": _known(
            severity=ticket.severity and ticket.severity.value,
            name=ticket.name,
            source=ticket.source,
            labels=dict(ticket.labels),
            # An empty one was not said, and "not production" must not follow from that.
            resource=ticket.resource or None,
            title=ticket.title,
            count=ticket.count,
            flapping=ticket.flapping,
        ),
        "runbook": _known(
            name=runbook.name,
            version=runbook.version or None,
            labels=dict(runbook.labels),
            proposed_by=runbook.proposed_by and runbook.proposed_by.value,
            found_by=runbook.found_by.value,
        ),
        "step": _known(
            id=step.id,
            uses=step.uses,
            risk=step.risk and step.risk.value,
            effect=step.effect and step.effect.value,
            command=step.command,
            action=step.action,
        ),
        "target": _known(
            name=target.name,
            connector=target.connector,
            labels=dict(target.labels),
            environment=target.environment,
        ),
        "history": _known(
            runs=history.runs,
            verified=history.verified,
            failed=history.failed,
            rate=history.rate,
            failed_in_a_row=history.failed_in_a_row,
            trusted=trusted,
            on_target_last_hour=history.on_target_last_hour,
            runbook_last_hour=history.runbook_last_hour,
        ),
        "time": clock_words(facts.now.astimezone(zone)),
    }


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def clock_words(now: datetime) -> dict[str, Any]:
    """A moment as conditions see it, by the clock of its own time zone."""
    return {
        "hour": now.hour,
        "minute": now.minute,
        "weekday": _DAYS[now.weekday()],
        "weekend": now.weekday() >= _SATURDAY,
        "date": now.date().isoformat(),
    }
