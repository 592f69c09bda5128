"""What a benchmark found, beside the floor: a bare program that does only what is necessary."""

import json
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

REPORT = Path("build/bench.json")


@dataclass(frozen=True)
class Measure:
    """One number. ``floor`` is what the bare program made of the same; ``runs`` are all values."""

    name: str
    value: float
    unit: str
    reach: str
    floor: float | None = None
    ratio: float | None = None
    runs: tuple[float, ...] = ()


Benchmark = Callable[[], Awaitable[Sequence[Measure]]]


def rate(name: str, reach: str, runs: Sequence[float], floors: Sequence[float]) -> Measure:
    """A rate (more is better): the median of the runs, and what it costs over the floor."""
    value, floor = statistics.median(runs), statistics.median(floors)
    return Measure(name, value, "/s", reach, floor, floor / value, tuple(runs))


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show(measures: Sequence[Measure]) -> None:
    """Print the table and write the report."""
    table = Table("name", "value", "unit", "reach", "floor", "ratio")
    for one in measures:
        table.add_row(
            one.name,
            f"{one.value:,.1f}",
            one.unit,
            one.reach,
            "" if one.floor is None else f"{one.floor:,.1f}",
            "" if one.ratio is None else f"{one.ratio:.2f}",
        )
    Console().print(table)
    REPORT.parent.mkdir(exist_ok=True)
    rows = [{k: v for k, v in asdict(one).items() if k != "reach"} for one in measures]
    REPORT.write_text(json.dumps(rows, indent=2) + "\n")
