"""What a runbook's record does to its score: verified success helps a little, failure harms.

The bound is Wilson's for a proportion (1927): few runs say little, however they ended.
"""

import math
from dataclasses import dataclass
from typing import Final

#: The most that a record moves a score, up or down: between equals it decides, and it never carries
#: a runbook that is for something else past one that fits.
MOST: Final = 0.1
#: Two-sided 95 %.
_Z: Final = 1.96


@dataclass(frozen=True)
class Record:
    """How often a runbook ran, and how often a machine saw the problem gone after it, or not."""

    runs: int = 0
    verified: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        if min(self.verified, self.failed) < 0 or self.verified + self.failed > self.runs:
            raise ValueError("verified and failed are counts of different runs among all runs")


def boost(record: Record) -> float:
    """What the score is multiplied with: 0.9 to 1.1, and 1 without runs."""
    return 1 + MOST * (
        _at_least(record.verified, record.runs) - _at_least(record.failed, record.runs)
    )


def _at_least(times: int, runs: int) -> float:
    """The share that the outcomes show at least (the lower bound of Wilson's interval)."""
    if runs == 0:
        return 0.0
    share, z2 = times / runs, _Z * _Z
    middle = share + z2 / (2 * runs)
    spread = _Z * math.sqrt((share * (1 - share) + z2 / (4 * runs)) / runs)
    return max(0.0, (middle - spread) / (1 + z2 / runs))
