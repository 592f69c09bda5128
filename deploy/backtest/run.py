"""A whole backtest: old alerts through one version, or through two beside each other."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from deploy.backtest.comparison import Comparison
from deploy.backtest.past import Past
from deploy.backtest.planning import Records
from deploy.backtest.tally import Tally
from deploy.backtest.version import Version
from deploy.backtest.world import World

#: Of a report; another number would mean that other fields mean something else.
SCHEMA: Final = 1


@dataclass
class Read:
    """What was read: how many alerts from when to when, and how many were there twice."""

    alerts: int = 0
    again: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def came(self, at: datetime, alerts: int, again: int) -> None:
        self.alerts += alerts
        self.again += again
        self.first = self.first or at
        self.last = at

    def facts(self) -> dict[str, Any]:
        return {
            "alerts": self.alerts,
            "again": self.again,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
        }


@dataclass
class _Side:
    world: World
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.world)


async def backtest(
    past: Past,
    now: Version,
    before: Version | None = None,
    *,
    records: Records | None = None,
    examples: int = 3,
) -> dict[str, Any]:
    """The report, as a JSON document; always the same of the same alerts and versions."""
    with _silence():
        here = _Side(World(now, records or {}))
        if before is None:
            return {"schema": SCHEMA, **await _alone(past, here)}
        other = _Side(World(before, records or {}))
        return {"schema": SCHEMA, **await _beside(past, here, other, Comparison(examples))}


async def _alone(past: Past, here: _Side) -> dict[str, Any]:
    read = Read()
    for at, alerts, again in past.moments():
        read.came(at, len(alerts), again)
        here.tally.add(await here.world.take(alerts, at))
    return {"read": read.facts(), "would": here.tally.facts()}


async def _beside(past: Past, here: _Side, other: _Side, comparison: Comparison) -> dict[str, Any]:
    read = Read()
    for at, alerts, again in past.moments():
        read.came(at, len(alerts), again)
        before, now = await other.world.take(alerts, at), await here.world.take(alerts, at)
        other.tally.add(before)
        here.tally.add(now)
        comparison.add(at, before, now)
    return {
        "read": read.facts(),
        "would": here.tally.facts(),
        "against": other.tally.facts(),
        "changed": comparison.counts(),
        "changes": comparison.facts(),
    }


@contextmanager
def _silence() -> Iterator[None]:
    """What the services log is about real tickets; these are none."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
