"""A text less what folds its lines, and where each of its characters stood."""

import re
from bisect import bisect_right

Span = tuple[int, int]


class Unfolded:
    """``text`` is ``raw`` without the folds, which are what the pattern finds."""

    def __init__(self, raw: str, folds: re.Pattern[str]) -> None:
        self.raw = raw
        found = [fold.span() for fold in folds.finditer(raw)]
        kept = [0, *(end for _, end in found)]
        ends = [*(start for start, _ in found), len(raw)]
        parts = [raw[begin:end] for begin, end in zip(kept, ends, strict=True)]
        self.text = "".join(parts)
        self._kept = kept
        self._places = [0]
        for part in parts:
            self._places.append(self._places[-1] + len(part))

    def span(self, start: int, end: int) -> Span:
        """Where a part of the text, which is not empty, is in ``raw``."""
        return self._was(start), self._was(end - 1) + 1

    def _was(self, place: int) -> int:
        part = min(bisect_right(self._places, place), len(self._kept)) - 1
        return self._kept[part] + place - self._places[part]
