"""Adds up what the words of a query count in each runbook, and leaves out who cannot win."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """What is looked for at once: runbooks by some terms, with what each counts there.

    Who has one of the ``better`` terms for the same word is left out. ``most`` is the most that it
    adds to any runbook.
    """

    weight: float
    most: float
    having: Sequence[Mapping[str, float]]
    better: Sequence[Mapping[str, float]] = ()

    def everywhere(self) -> Iterable[tuple[str, float]]:
        """All runbooks that have a term, and what the best of theirs counts."""
        if len(self.having) == 1 and not self.better:
            return self.having[0].items()
        first, *others = self.having
        found = dict(first)
        for each in others:
            for name, impact in each.items():
                if impact > found.get(name, 0.0):
                    found[name] = impact
        return self._where_no_better(found)

    def among(self, names: Mapping[str, object]) -> Iterable[tuple[str, float]]:
        """The same of some runbooks; for many, that is much less work."""
        found: dict[str, float] = {}
        for each in self.having:
            # Of two sets the smaller one is gone through.
            for name in each.keys() & names.keys():
                impact = each[name]
                if impact > found.get(name, 0.0):
                    found[name] = impact
        return self._where_no_better(found)

    def _where_no_better(self, found: dict[str, float]) -> Iterable[tuple[str, float]]:
        for each in self.better:
            for name in found.keys() & each.keys():
                del found[name]
        return found.items()


def added(looks: Iterable[Look], number: int, *, slack: float = 1.0) -> dict[str, float]:
    """The exact scores of the best ``number``, and of all that have ``slack`` of the last of them.

    What can add most is added first. Once the rest can lift no other runbook that far, it is looked
    up for those only, who become fewer with each (Turtle and Flood's max-score, 1995). Some more
    names may be in the answer, with a part of their score, lower than that.
    """
    ordered = sorted(looks, key=lambda look: -look.most)
    scores: dict[str, float] = {}
    seen, left, closed = 0.0, sum(look.most for look in ordered), False
    for look in ordered:
        # The lowest of the best is no higher than what was seen: until then, looking is in vain.
        if len(scores) >= number and seen * slack > left:
            enough = heapq.nlargest(number, scores.values())[-1] * slack
            closed = closed or enough > left
            if closed:
                scores = {name: now for name, now in scores.items() if now + left >= enough}
        for name, impact in look.among(scores) if closed else look.everywhere():
            scores[name] = scores.get(name, 0.0) + look.weight * impact
        seen, left = seen + look.most, left - look.most
    return scores


def best(scores: Mapping[str, float], number: int) -> list[str]:
    """The names with the highest scores; of equals, by name."""
    return heapq.nsmallest(number, scores, key=lambda name: (-scores[name], name))
