"""What is known of schedules that others keep, in MongoDB, for every service to judge by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo.errors import DuplicateKeyError

from shared.oncall.calendar import Shift
from shared.oncall.known import Fetched, merged
from shared.oncall.roster import Standing
from shared.store import SCHEMA, Database, Document, seam

#: Longer than any fetch takes: whoever claimed one and is gone then has it done by others.
_CLAIM: Final = timedelta(minutes=2)


@dataclass(frozen=True)
class Known:
    """What is known of one schedule."""

    shifts: tuple[Shift, ...]
    standing: Standing


@seam
class MongoShifts:
    """The shifts of each schedule as they were fetched last, and who has to fetch them next."""

    def __init__(self, db: Database) -> None:
        self._shifts = db.get_collection("oncall")

    async def claim(self, schedule: str, source: str, now: datetime) -> bool:
        """Whether the asker is the one who has to fetch a schedule now; of several, one is.

        ``source`` is what it is fetched from: from another one it is fetched at once, and what was
        known of the one before counts no more from then on.
        """
        claimed = {"next_at": now + _CLAIM, "source": source}
        new = {"schema": SCHEMA, "shifts": [], "strangers": [], "fetched_at": None, "error": ""}
        another = {"_id": schedule, "source": {"$ne": source}}
        moved = await self._shifts.update_one(another, {"$set": {**new, **claimed}})
        if moved.matched_count:
            return True
        due = {"_id": schedule, "next_at": {"$lte": now}}
        try:
            await self._shifts.update_one(due, {"$set": claimed, "$setOnInsert": new}, upsert=True)
        except DuplicateKeyError:  # it is there, and not due
            return False
        return True

    async def keep(
        self, schedule: str, source: str, fetched: Fetched, *, now: datetime, next_at: datetime
    ) -> None:
        """Store what was fetched; who was on call before is remembered for a while."""
        before = (await self.known([schedule])).get(schedule)
        shifts = merged(before.shifts if before else (), fetched.shifts, now)
        stored = {
            "shifts": [_document(shift) for shift in shifts],
            "strangers": list(fetched.strangers),
            "fetched_at": now,
            "next_at": next_at,
            "error": "",
        }
        await self._shifts.update_one({"_id": schedule, "source": source}, {"$set": stored})

    async def failed(self, schedule: str, source: str, error: str, *, next_at: datetime) -> None:
        """Store why a schedule could not be had; what was known of it stays."""
        await self._shifts.update_one(
            {"_id": schedule, "source": source}, {"$set": {"error": error, "next_at": next_at}}
        )

    async def known(self, schedules: Iterable[str]) -> Mapping[str, Known]:
        """What is known of these schedules; those that nobody has asked for yet are not in it."""
        cursor = self._shifts.find({"_id": {"$in": list(schedules)}})
        return {found["_id"]: _known(found) async for found in cursor}


def _known(found: Document) -> Known:
    shifts = tuple(Shift(one["person"], one["starts"], one["ends"]) for one in found["shifts"])
    standing = Standing(found["fetched_at"], found["error"], tuple(found["strangers"]))
    return Known(shifts, standing)


def _document(shift: Shift) -> Document:
    return {"person": shift.person, "starts": shift.starts, "ends": shift.ends}
