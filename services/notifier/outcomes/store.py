"""News that wait for quiet hours to end, and what is known of their tickets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.notifier.channels.news import Newsworthy
from services.notifier.recipients import Recipient
from services.notifier.routing.matching import About
from services.notifier.store import stored_recipients
from shared.events import CATALOG, Alert
from shared.lifecycle import Severity
from shared.store import SCHEMA, Database, Document, seam

#: Longer than it takes to send a message: what a replica left that died is sent by another.
LEASE: Final = timedelta(minutes=1)

_BY_SUBJECT: Final = {event.subject: event for event in CATALOG}


@dataclass(frozen=True)
class Held:
    """News that were held until a time, and for whom."""

    event: Newsworthy
    to: tuple[Recipient, ...]
    until: datetime


class Holding(Protocol):
    """Where news wait; each is there once, however often it comes."""

    async def keep(self, held: Held) -> None: ...

    async def take(self, now: datetime) -> Held | None:
        """One whose time has come, for as long as a lease; none where there is none."""
        ...

    async def done(self, event_id: UUID) -> None:
        """Forget one that was told."""
        ...


class Tickets(Protocol):
    """Where tickets are known."""

    async def about(self, ticket_id: UUID) -> About: ...


@seam
class MongoHolding:
    """See ``Holding``."""

    def __init__(self, db: Database) -> None:
        self._held = db.get_collection("held_news")

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await self._held.create_index("at", name="at")

    async def keep(self, held: Held) -> None:
        document: Document = {
            "_id": held.event.id,
            "schema": SCHEMA,
            "at": held.until,
            "until": held.until,
            "subject": held.event.subject,
            "event": held.event.model_dump(mode="json"),
            "to": stored_recipients(held.to),
        }
        try:
            await self._held.insert_one(document)
        except DuplicateKeyError:  # an earlier delivery kept it
            return

    async def take(self, now: datetime) -> Held | None:
        found = await self._held.find_one_and_update(
            {"at": {"$lte": now}},
            {"$set": {"at": now + LEASE}},
            sort=[("at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            return None
        to = tuple(map(Recipient.model_validate, found["to"]))
        event: Newsworthy = _BY_SUBJECT[found["subject"]].model_validate(found["event"])  # type: ignore[assignment]
        return Held(event, to, found["until"])

    async def done(self, event_id: UUID) -> None:
        await self._held.delete_one({"_id": event_id})


@seam
class MongoTickets:
    """See ``Tickets``."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")
        self._sessions = db.get_collection("sessions")

    async def about(self, ticket_id: UUID) -> About:
        found = await self._tickets.find_one({"_id": ticket_id}, {"alert": 1, "severity": 1})
        if found is None:
            return About(Severity.P3, "")
        alert = Alert.model_validate(found["alert"])
        severity = found.get("severity") or alert.severity or Severity.P3
        plan = await self._sessions.find_one(
            {"ticket_id": ticket_id},
            {"runbook.name": 1, "steps.target": 1},
            sort=[("created_at", -1)],
        )
        runbook, target = ("", "") if plan is None else _planned(plan)
        return About(Severity(severity), alert.title, alert, runbook, target)


def _planned(plan: Document) -> tuple[str, str]:
    """The runbook of a plan, and the target of its steps where they have one and the same."""
    targets = {step.get("target") for step in plan.get("steps", ())} - {"", None}
    runbook = str(plan.get("runbook", {}).get("name", ""))
    return runbook, targets.pop() if len(targets) == 1 else ""
