"""Judging a plan as things stand: by the policy in force, the stop switch, and the records."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from services.planner.policy import Bench, Circumstances
from shared.events import PlanReady, RunbookRef, TicketEscalated, TicketTriaged
from shared.policy.policy import Policy
from shared.policy.records.record import LastHour, Record
from shared.policy.stop import Stop

_HOUR: Final = timedelta(hours=1)


class InForce(Protocol):
    """See ``shared.policy.keeper.PolicyKeeper``."""

    @property
    def policy(self) -> Policy: ...


class Switch(Protocol):
    """See ``shared.policy.store.MongoStopSwitch``."""

    async def state(self) -> Stop | None: ...


class Records(Protocol):
    """See ``shared.policy.records.store.MongoRecords``."""

    async def of(self, runbook: RunbookRef) -> Record: ...
    async def known(self, runbook: str | None = None) -> list[Record]: ...
    async def since(self, at: datetime) -> LastHour: ...


class Counts(Protocol):
    """See ``store.MongoConclusions``."""

    async def count(self, ticket_id: UUID) -> int | None: ...


@dataclass(frozen=True)
class Judge:
    """Judges plans by the policy that is in force, as things stand."""

    bench: Bench
    keeper: InForce
    switch: Switch
    records: Records
    counts: Counts

    async def judged(
        self, ticket: TicketTriaged, plan: PlanReady, now: datetime
    ) -> PlanReady | TicketEscalated:
        """See ``Bench``.

        Raises:
            UnavailableError: the store does not answer, so nobody knows whether it may run.
        """
        policy = self.keeper.policy
        return self.bench.judged(ticket, plan, policy, await self.around(ticket, plan, policy, now))

    async def around(
        self, ticket: TicketTriaged, plan: PlanReady, policy: Policy, now: datetime
    ) -> Circumstances:
        """How things stand for a plan.

        Raises:
            UnavailableError: see ``judged``.
        """
        stopped, count, record = await asyncio.gather(
            self.switch.state(),
            self.counts.count(ticket.ticket_id),
            self.records.of(plan.runbook),
        )
        around = Circumstances(now=now, stopped=stopped, count=count, record=record)
        if not policy.asks_for_last_hour:
            return around
        return replace(around, last_hour=await self.records.since(now - _HOUR))
