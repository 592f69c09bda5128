"""Evidence as the verdict sees it: values by name, and what they say of the alert."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.config.evidence import AnyLook
from shared.events.evidence import Look
from shared.runbook.conditions import answer
from shared.runbook.values import text_of

Fact = str | float | bool | list[str] | list[float]


@dataclass(frozen=True)
class Gathered:
    """What was gathered; ``refuting`` and ``confirming`` are reasons, for people to read.

    ``values`` have only what there is, ``looked`` also what could not be had, and why.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    looked: tuple[Look, ...] = ()
    refuting: tuple[str, ...] = ()
    confirming: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """One look that was made, and its value if there is one."""

    asked: AnyLook
    look: Look
    value: Fact | None


NOTHING: Final = Gathered()


def gathered(seen: Sequence[Seen]) -> Gathered:
    """What the looks come to together, in their order."""
    known = [one for one in seen if one.value is not None]
    return Gathered(
        values={one.asked.name: one.value for one in known},
        looked=tuple(one.look for one in seen),
        refuting=tuple(_holding(known, "refutes")),
        confirming=tuple(_holding(known, "confirms")),
    )


def spoken(value: Fact) -> str:
    """A value for people."""
    return ", ".join(map(str, value)) if isinstance(value, list) else text_of(value)


def _holding(known: Iterable[Seen], says: str) -> Iterator[str]:
    for one in known:
        condition = one.asked.refutes if says == "refutes" else one.asked.confirms
        if condition is not None and answer(condition, {"value": _weighed(one.value)}).holds:
            yield f"{one.asked.name} is {one.look.found} now, which {says} the alert ({condition})"


def _weighed(value: Fact | None) -> Any:
    """A value as conditions see it: a number is a double, so that they can reckon with it."""
    match value:
        case bool():
            return value
        case int() | float():
            return float(value)
        case list():
            return [_weighed(item) for item in value]
    return value
