"""The words that a policy's answers are made of."""

from enum import StrEnum
from typing import Final

#: Stands for whoever is on call at the time, beside people and teams.
ON_CALL: Final = "on-call"


class Mode(StrEnum):
    """What Handrail does about a ticket: judge only, plan and tell, or run the plan."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    ACT = "act"


class Outcome(StrEnum):
    """What a policy says of a step."""

    AUTO = "auto"
    REQUIRE = "require"
    DENY = "deny"


class Author(StrEnum):
    """Who wrote the commands of a plan: a person, in a runbook, or the reasoner."""

    PERSON = "person"
    REASONER = "reasoner"


class Met(StrEnum):
    """Whether a condition holds; ``unknown`` is one that cannot be worked out."""

    YES = "matched"
    NO = "not matched"
    UNKNOWN = "unknown"


def on_call_of(schedule: str) -> str:
    """The word for whoever is on call by one schedule: ``on-call:SCHEDULE``."""
    return f"{ON_CALL}:{schedule}"


def is_on_call(term: str) -> bool:
    """Whether this stands for whoever is on call, by one schedule or by any."""
    return term == ON_CALL or term.startswith(f"{ON_CALL}:")


_CAREFUL: Final = (Mode.OBSERVE, Mode.SUGGEST, Mode.ACT)


def strictest(*modes: Mode) -> Mode:
    """The mode that does the least."""
    return min(modes, key=_CAREFUL.index)
