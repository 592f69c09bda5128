"""Which alerts may open a ticket, by the triggers of ``handrail.yaml``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.ingest.cut import cut
from shared.alertwords import asked
from shared.config import Config
from shared.config.triggers import TriggerConfig
from shared.events import Alert

_CONDITION_MOST: Final = 200
_PROBLEM_MOST: Final = 100
_PROBLEMS_TOLD: Final = 3


@dataclass(frozen=True)
class Verdict:
    """Whether an alert may open a ticket, and because of what; empty where there is no trigger.

    A no is about opening only: such an alert still counts on a ticket that is open, and an end
    still resolves it. ``by`` is the trigger that decided, if one did.
    """

    opens: bool
    because: str = ""
    by: str = ""


@dataclass(frozen=True)
class Triggers:
    """All triggers in their order; asks nothing and nobody."""

    triggers: tuple[TriggerConfig, ...] = ()

    @classmethod
    def of(cls, config: Config) -> "Triggers":
        """The triggers of ``handrail.yaml``."""
        return cls(config.triggers)

    def decided(self, alert: Alert) -> Verdict:
        """What they say of an alert; see the function of this name."""
        return decided(self.triggers, alert)


def decided(triggers: Sequence[TriggerConfig], alert: Alert) -> Verdict:
    """What the first trigger that is about the alert says; where none is, it opens a ticket.

    A condition that looks at a label that is not there does not hold; one that cannot be worked out
    for another reason does not either, and the reason tells of it.
    """
    if not triggers:
        return Verdict(opens=True)
    problems: list[str] = []
    for trigger in triggers:
        held = asked(trigger.when, alert)
        if held.holds:
            return Verdict(trigger.open, _told(_because(trigger), problems), trigger.name)
        if held.problem and not held.missing:
            problem = cut(held.problem, _PROBLEM_MOST)
            problems.append(f"{trigger.name!r} could not be asked: {problem}")
    return Verdict(opens=True, because=_told("no trigger is about it", problems))


def _because(trigger: TriggerConfig) -> str:
    answer = "opens" if trigger.open else "does not open"
    reason = f": {trigger.reason}" if trigger.reason else ""
    return f"trigger {trigger.name!r} {answer} it{reason} ({cut(trigger.when, _CONDITION_MOST)})"


def _told(because: str, problems: Sequence[str]) -> str:
    more = len(problems) - _PROBLEMS_TOLD
    others = (f"{more} others could not be asked either",) if more > 0 else ()
    return "; ".join((because, *problems[:_PROBLEMS_TOLD], *others))
