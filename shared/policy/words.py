"""What the conditions of a policy may ask about, and what is wrong with one."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from shared.runbook.conditions import answer, members, mistakes
from shared.runbook.template import Mistake

#: Every name with its fields; ``labels`` are maps. What is not known at the time is left out.
WORDS: Final[dict[str, dict[str, object]]] = {
    "ticket": {
        "severity": "P2",
        "name": "TargetDown",
        "source": "alertmanager",
        "labels": {},
        "resource": "web-1",
        "title": "web-1 is down",
        "count": 1,
        "flapping": False,
    },
    "runbook": {
        "name": "restart",
        "version": "9f",
        "labels": {},
        "proposed_by": "person",
        "found_by": "rule",
    },
    "step": {
        "id": "restart",
        "uses": "ssh",
        "risk": "high",
        "effect": "once",
        "command": "systemctl restart web",
        "action": "",
    },
    "target": {"name": "web-1", "connector": "ssh", "labels": {}, "environment": "test"},
    "history": {
        "runs": 1,
        "verified": 1,
        "failed": 0,
        "rate": 1.0,
        "failed_in_a_row": 0,
        "trusted": False,
        "on_target_last_hour": 0,
        "runbook_last_hour": 0,
    },
    "time": {"hour": 12, "minute": 0, "weekday": "monday", "weekend": False, "date": "2030-01-07"},
}


def wrong_with(
    condition: str, words: Mapping[str, Mapping[str, object]] = WORDS
) -> tuple[Mistake, ...]:
    """Every mistake in a condition that knows these words, by its place."""
    found = mistakes(condition, variables=frozenset(words))
    return found or tuple(sorted(_meant(condition, words), key=lambda mistake: mistake.offset))


def _meant(condition: str, words: Mapping[str, Mapping[str, object]]) -> Iterator[Mistake]:
    for name, fields in words.items():
        for field, offset in members(condition, name):
            if field not in fields:
                yield Mistake(offset, f"{name} has no {field}{_hint(field, fields)}")
    told = answer(condition, words).problem
    # Whatever else cannot be worked out here may be worked out over a real step.
    if told.endswith("neither true nor false"):
        yield Mistake(0, told)


def _hint(field: str, fields: Mapping[str, object]) -> str:
    near = get_close_matches(field, fields, n=1)
    return f": did you mean {near[0]}?" if near else f": there are {', '.join(sorted(fields))}"
