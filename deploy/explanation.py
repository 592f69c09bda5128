"""What would become of an alert by today's runbooks and policy, step by step, and why."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from pydantic import TypeAdapter

from deploy.connection import Place
from deploy.library import Books, books_in, store_if_running
from deploy.meaning import meaning_here
from deploy.store import Reader
from services.planner.finding import NO_RECORDS, Finder, Successes, successes
from services.planner.judging import Judge
from services.planner.plan import Planner
from services.planner.policy import Bench, Circumstances
from services.planner.store import MongoConclusions
from services.planner.undecided import Undecided
from services.triage.verdict import judged
from shared.config import load_config
from shared.durations import PositiveDuration
from shared.events import Alert, PlanReady, Step, TicketEscalated, TicketTriaged
from shared.lifecycle import Severity, Verdict
from shared.policy.policy import Policy
from shared.policy.reading import PolicyPlace
from shared.policy.records.record import LastHour, Record
from shared.policy.records.store import MongoRecords
from shared.policy.ruling import Ruling
from shared.policy.store import MongoStopSwitch
from shared.store import Database

_EXPIRES: TypeAdapter[Any] = TypeAdapter(PositiveDuration)


@dataclass(frozen=True)
class Explained:
    """One alert, what would become of it, and what the policy says of each step of its plan."""

    alert: Alert
    severity: Severity
    becomes: str
    because: str
    runbook: str = ""
    steps: tuple[tuple[Step, Ruling], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _InForce:
    policy: Policy


@dataclass(frozen=True)
class Explainer:
    """Today's runbooks, targets and policy; ``db`` is what happened before, where it is known."""

    books: Books
    planner: Planner
    bench: Bench
    policy: Policy
    db: Database | None

    async def explain(self, ticket: TicketTriaged) -> Explained:
        """What would become of a ticket that triage has judged."""
        made = self.planner.conclude(ticket, await self._successes())
        if isinstance(made, Undecided):
            notes = tuple(f"{one.name}: {'; '.join(one.candidate.reasons)}" for one in made.tried)
            return Explained(
                ticket.alert, ticket.severity, "asked about", made.because, notes=notes
            )
        if isinstance(made, TicketEscalated):
            return Explained(
                ticket.alert, ticket.severity, "escalated", made.reason, notes=made.tried
            )
        around = await self.around(ticket, made)
        rulings = self.bench.rulings(ticket, made, self.policy, around)
        match self.bench.judged(ticket, made, self.policy, around):
            case TicketEscalated(reason=reason):
                becomes, because = "escalated", reason
            case _:
                becomes, because = "planned", "; ".join(made.reasons)
        return Explained(
            alert=ticket.alert,
            severity=ticket.severity,
            becomes=becomes,
            because=because,
            runbook=f"{made.runbook.name} {made.runbook.version}",
            steps=tuple(zip(made.steps, rulings, strict=True)),
        )

    async def _successes(self) -> Successes:
        if self.db is None:
            return NO_RECORDS
        return successes(self.planner.library, await MongoRecords(self.db).known())

    async def around(self, ticket: TicketTriaged, plan: PlanReady) -> Circumstances:
        """How things stand for a plan; see ``Judge.around``."""
        now = datetime.now(UTC)
        if self.db is None:
            record = Record(plan.runbook.name, plan.runbook.version)
            return Circumstances(now=now, count=1, record=record, last_hour=LastHour())
        judge = Judge(
            self.bench,
            _InForce(self.policy),
            MongoStopSwitch(self.db),
            MongoRecords(self.db),
            MongoConclusions(self.db),
        )
        return await judge.around(ticket, plan, self.policy, now)


@asynccontextmanager
async def explaining(
    asked_for: Path | None = None, environment: Mapping[str, str] = os.environ
) -> AsyncIterator[Explainer]:
    """An explainer for this installation; without a store, as if nothing had ever run.

    Raises:
        SourceError: ``handrail.yaml`` or the policy is wrong.
        NoLibraryError, SettingsError: see ``books_in``.
    """
    place = Place.of(environment)
    path = place.home.config(environment)
    config, policy = load_config(path), PolicyPlace(path).read()
    expires = _EXPIRES.validate_python(environment.get("HANDRAIL_APPROVAL_EXPIRES") or "1h")
    async with store_if_running(place) as db:
        books = await books_in(db, place, asked_for)
        library = books.library()
        finder = Finder(meaning_here(environment))
        planner = Planner(library, config.targets, config.prometheus, finder)
        bench = Bench(library, config.targets, expires)
        yield Explainer(books, planner, bench, policy, db)


async def ticket_of(db: Database, prefix: str) -> TicketTriaged:
    """A stored ticket as triage told it.

    Raises:
        NotFoundError: there is none, or there are several.
    """
    found = await Reader(db).ticket(prefix)
    severity = found.severity or judged(found.alert).severity
    told = _triaged(found.alert, severity, found.id)
    if found.verdict is None:
        return told
    known = {"evidence": found.verdict.evidence, "looked": found.verdict.looked}
    return told.model_copy(update=known)


def closed_by_triage(alert: Alert) -> Explained | None:
    """What is told of an alert that triage closes as a false alarm."""
    judgement = judged(alert)
    if not judgement.closes:
        return None
    return Explained(alert, judgement.severity, "closed", "; ".join(judgement.reasons))


def triaged(alert: Alert) -> TicketTriaged:
    """An alert as triage would tell it."""
    return _triaged(alert, judged(alert).severity, uuid4())


def _triaged(alert: Alert, severity: Severity, ticket_id: UUID) -> TicketTriaged:
    return TicketTriaged(
        id=uuid4(),
        ticket_id=ticket_id,
        alert=alert,
        verdict=Verdict.TRUE,
        confidence=1.0,
        severity=severity,
        reasons=(),
    )
