"""The records of runbooks in MongoDB, and what sessions say of the last hour."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from shared.events import RunbookRef
from shared.lifecycle import Effect, StepState
from shared.policy.records.record import LastHour, Record, Tally, Telling, Tried, tally
from shared.store import RELAXED, SCHEMA, Database, Document, seam

#: So many events are told from repetitions in the record itself, until the session knows them too.
_REMEMBERED: Final = 256
_NEVER_RAN: Final = [
    StepState.SKIPPED.value,
    StepState.REJECTED.value,
    StepState.EXPIRED.value,
]
_NUMBERS: Final = ("runs", "verified", "failed", "failed_in_a_row")
_ADDS: Final = {
    Tally.RAN: {"runs": 1},
    Tally.BROKE: {"runs": 1, "failed": 1, "failed_in_a_row": 1},
    Tally.VERIFIED: {"verified": 1},
    Tally.DID_NOT_HELP: {"failed": 1, "failed_in_a_row": 1},
}


@seam
class MongoRecords:
    """Counts for each text of each runbook; every event counts once, however often it comes."""

    def __init__(self, db: Database) -> None:
        self._records = db.get_collection("runbook_records")
        self._sessions = db.get_collection("sessions")
        self._marks = db.get_collection("sessions", write_concern=RELAXED)

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._records.create_index([("runbook", ASCENDING)], name="runbook")
        await self._sessions.create_index([("created_at", ASCENDING)], name="created")

    async def count(self, event: Telling) -> Tally | None:
        """Count what an event says of the runbook of its session.

        Returns what was counted; None when that says nothing, or was counted before.
        """
        session = await self._tried(event.session_id)
        if session is None or str(event.id) in session.counted:
            return None
        said = tally(event, session)
        if said is None:
            return None
        added = await self._add(session.runbook, said, event.id)
        # Only after the count: a crash between the two is what the record remembers events for.
        await self._marks.update_one(
            {"_id": event.session_id}, {"$addToSet": {"counted": str(event.id)}}
        )
        return said if added else None

    async def of(self, runbook: RunbookRef) -> Record:
        """The record of one text of a runbook; one that never ran has zeros."""
        found = await self._records.find_one({"_id": _key(runbook)})
        return _record(found) if found else Record(runbook.name, runbook.version)

    async def known(self, runbook: str | None = None) -> list[Record]:
        """All records, or those of one runbook, by name."""
        found = self._records.find({"runbook": runbook} if runbook else {})
        return [_record(each) async for each in found.sort([("runbook", 1), ("last_at", 1)])]

    async def restore(self, runbook: str) -> bool:
        """Forget the failures in a row of a runbook, so that it may be used again."""
        changed = await self._records.update_many(
            {"runbook": runbook, "failed_in_a_row": {"$gt": 0}}, {"$set": {"failed_in_a_row": 0}}
        )
        return bool(changed.modified_count)

    async def since(self, at: datetime) -> LastHour:
        """What was planned since then: steps that may still run count as those that did."""
        fields = ("runbook.name", "steps.id", "steps.target", "steps.effect", "runs")
        on_target: dict[str, int] = {}
        of_runbook: dict[str, int] = {}
        async for session in self._sessions.find(
            {"created_at": {"$gte": at}}, dict.fromkeys(fields, 1)
        ):
            name = session["runbook"]["name"]
            of_runbook[name] = of_runbook.get(name, 0) + 1
            for target in _changed(session):
                on_target[target] = on_target.get(target, 0) + 1
        return LastHour(on_target, of_runbook)

    async def _tried(self, session_id: UUID | None) -> Tried | None:
        if session_id is None:
            return None
        fields = {"runbook": 1, "steps": 1, "runs": 1, "counted": 1}
        found = await self._sessions.find_one({"_id": session_id}, fields)
        return Tried.model_validate(found) if found else None

    async def _add(self, runbook: RunbookRef, said: Tally, event_id: UUID) -> bool:
        """Whether the record did not have it yet."""
        change: Document = {
            "$inc": _ADDS[said],
            "$push": {"seen": {"$each": [event_id], "$slice": -_REMEMBERED}},
            "$currentDate": {"last_at": True},
        }
        if said is Tally.VERIFIED:
            change["$set"] = {"failed_in_a_row": 0}
        where: Document = {"_id": _key(runbook), "seen": {"$ne": event_id}}
        counted = await self._records.update_one(where, change)
        if not counted.modified_count:
            # Either it has the event, or nobody has begun a record of this text.
            await self._begin(runbook)
            counted = await self._records.update_one(where, change)
        return bool(counted.modified_count)

    async def _begin(self, runbook: RunbookRef) -> None:
        new = {"schema": SCHEMA, "runbook": runbook.name, "version": runbook.version, "seen": []}
        with suppress(DuplicateKeyError):
            await self._records.insert_one({"_id": _key(runbook), **new})


def _changed(session: Document) -> Sequence[str]:
    """The targets of a session's steps that changed something or still may, once for each step."""
    runs: dict[str, Any] = session.get("runs") or {}
    return [
        step["target"]
        for step in session["steps"]
        if step.get("effect") != Effect.READ_ONLY.value
        and runs.get(step["id"], {}).get("state") not in _NEVER_RAN
    ]


def _record(found: Document) -> Record:
    numbers = {name: found.get(name, 0) for name in _NUMBERS}
    return Record(found["runbook"], found["version"], **numbers)


def _key(runbook: RunbookRef) -> str:
    return f"{runbook.name}@{runbook.version}"
