"""Which known terms a misspelt one may be meant for: one slip away, found without a scan.

Every known term is kept under itself and under itself less one letter (Garbe's symmetric delete):
a letter too many, too few, or wrong, and two that changed places, meet there.
"""

from collections.abc import Iterator
from typing import Final

from shared.runbook.search.words import stem

#: Short words are too near to each other to be mended.
_SHORTEST: Final = 5


class Spellings:
    """The terms that are known, to mend those that are not; they are compared by their stems."""

    def __init__(self) -> None:
        self._terms: dict[str, set[str]] = {}

    def add(self, term: str) -> None:
        for form in _forms(stem(term)):
            self._terms.setdefault(form, set()).add(term)

    def remove(self, term: str) -> None:
        # Of a double letter either one may be left out: that is the same form twice.
        for form in set(_forms(stem(term))):
            self._terms[form].discard(term)
            if not self._terms[form]:
                del self._terms[form]

    def mended(self, term: str) -> tuple[str, ...]:
        """Known terms that are one slip away, in order; the first letter is taken as right."""
        found = {known for form in _forms(term) for known in self._terms.get(form, ())}
        return tuple(sorted(known for known in found if known[0] == term[0]))


def _forms(term: str) -> Iterator[str]:
    if len(term) < _SHORTEST:
        return
    yield term
    for at in range(1, len(term)):
        yield term[:at] + term[at + 1 :]
