"""Codes in MongoDB: only a keyed hash of each is there, and tries are counted before they count."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pymongo.errors import DuplicateKeyError

from shared.store import SCHEMA, Database, Document, expiring, seam

#: How long a code is good, how often it may be tried, and how soon there is another.
GOOD_FOR: Final = timedelta(minutes=10)
TRIES: Final = 5
PAUSE: Final = timedelta(seconds=30)
#: So many codes are sent for one purpose, with what is too many tries together.
CODES_MOST: Final = 6
_KEPT: Final = timedelta(days=1)


class Tried(StrEnum):
    """What came of a try."""

    RIGHT = "right"
    WRONG = "wrong"
    SPENT = "spent"


@seam
class MongoCodes:
    """One document for each purpose, such as one person's yes to one question."""

    def __init__(self, db: Database) -> None:
        self._codes = db.get_collection("confirmation_codes")

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await expiring(self._codes, "sent_at", _KEPT)

    async def replace(self, about: str, digest: str, now: datetime) -> bool:
        """Have a new code in place of an earlier one; false where that would be too soon or often.

        A code that was replaced is good for nothing.
        """
        due: Document = {"sent_at": {"$lte": now - PAUSE}, "sent": {"$lt": CODES_MOST}}
        fresh = {"digest": digest, "sent_at": now, "until": now + GOOD_FOR, "tries": 0}
        try:
            await self._codes.update_one(
                {"_id": about, **due},
                {
                    "$set": {**fresh, "used": False},
                    "$inc": {"sent": 1},
                    "$setOnInsert": {"schema": SCHEMA},
                },
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return True

    async def withdraw(self, about: str, digest: str, now: datetime) -> None:
        """Have a code that did not get on its way good for nothing, and not be waited for."""
        await self._codes.update_one(
            {"_id": about, "digest": digest},
            {"$set": {"used": True, "sent_at": now - PAUSE}, "$inc": {"sent": -1}},
        )

    async def tried(self, about: str, digest: str, now: datetime) -> Tried:
        """Try a code; each try counts before it is looked at, so that many at once are as many."""
        live = {"_id": about, "used": False, "until": {"$gt": now}, "tries": {"$lt": TRIES}}
        found = await self._codes.find_one_and_update(live, {"$inc": {"tries": 1}})
        if found is None:
            return Tried.SPENT
        if found["digest"] != digest:
            return Tried.SPENT if found["tries"] + 1 >= TRIES else Tried.WRONG
        mine = {"_id": about, "digest": digest, "used": False}
        taken = await self._codes.update_one(mine, {"$set": {"used": True}})
        return Tried.RIGHT if taken.modified_count else Tried.SPENT
