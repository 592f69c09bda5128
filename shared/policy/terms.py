"""The words that a policy's answers are made of."""

from collections.abc import Collection
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


def may_approve(who: Collection[str], by: str) -> bool:
    """Whether this person's yes counts where these are asked; everybody's does where nobody is.

    Who is on call is known to whoever asks them, so where they are asked, nobody is kept out here.
    """
    return not who or ON_CALL in who or by.casefold() in who


_CAREFUL: Final = (Mode.OBSERVE, Mode.SUGGEST, Mode.ACT)


def strictest(*modes: Mode) -> Mode:
    """The mode that does the least."""
    return min(modes, key=_CAREFUL.index)
