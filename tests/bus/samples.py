"""Buses and events for the tests, and ways to wait for what a server does."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from shared.bus import Bus
from shared.events import (
    Alert,
    AlertStatus,
    StepStarted,
    TicketCreated,
    TicketTriaged,
)
from shared.lifecycle import Severity, Verdict

FAST = tuple(timedelta(milliseconds=ms) for ms in (10, 20))


def make_bus(service: str, url: str, **options: Any) -> Bus:
    """A bus whose pauses are short."""
    settings = {
        "tracer_provider": TracerProvider(shutdown_on_exit=False),
        "registry": CollectorRegistry(),
        "delays": FAST,
        "grace": timedelta(0),
        **options,
    }
    return Bus(service, url=url, **settings)


@dataclass
class Seen:
    """What handlers saw, and a way to wait for it."""

    items: list[Any] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, item: Any) -> None:
        async with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    async def count(self, number: int) -> list[Any]:
        """Wait until so many are there."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.items) >= number)
        return list(self.items)


def alert(name: str = "TargetDown") -> Alert:
    return Alert(
        source="alertmanager",
        name=name,
        status=AlertStatus.FIRING,
        fingerprint="ab12",
        title="web-1 is down",
        labels={"job": "web", "instance": "web-1:80"},
    )


def created(name: str = "TargetDown") -> TicketCreated:
    return TicketCreated(id=uuid4(), ticket_id=uuid4(), alert=alert(name))


def triaged(cause: TicketCreated) -> TicketTriaged:
    return TicketTriaged.following(
        cause,
        alert=cause.alert,
        verdict=Verdict.TRUE,
        confidence=0.9,
        severity=Severity.P2,
        reasons=("it is down",),
    )


def started() -> StepStarted:
    return StepStarted(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=uuid4(),
        step_id="restart",
        attempt=1,
        owner="executor-1",
        connector="local",
        target="here",
        command="true",
    )


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Wait for a server to show something; what it shows."""
    async with asyncio.timeout(20):
        while not (found := await condition()):
            await asyncio.sleep(0.01)
    return found
