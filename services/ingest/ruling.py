"""What the rules of ``handrail.yaml`` say of an alert, before anything is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.events import Alert


@dataclass(frozen=True)
class Quiet:
    """A maintenance window that covers an alert, and until when as far as is known now."""

    window: str
    reason: str
    until: datetime


@dataclass(frozen=True)
class Membership:
    """A group that a ticket may belong to: one rule of correlation with one set of values.

    ``key`` is the same for all that belong together. ``parts`` are the positions of the conditions
    that the alert meets, where the rule counts conditions and not tickets.
    """

    rule: str
    key: str
    parts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """One alert with its identity by the rules, and what may become of it.

    ``opens`` says whether it may open a ticket and ``because`` why, or why not; ``quiet`` is the
    maintenance window that it is in.
    """

    alert: Alert
    opens: bool = True
    because: str = ""
    quiet: Quiet | None = None
    groups: tuple[Membership, ...] = ()


#: Judges an alert that comes at this time; asks nothing and nobody.
Rule = Callable[[Alert, datetime], Ruling]


def plainly(alert: Alert, now: datetime) -> Ruling:  # noqa: ARG001 a rule is told the time
    """The rule where there are no rules: every alert may open a ticket."""
    return Ruling(alert)
