"""What people said in advance, in MongoDB; each word carries its own signature."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.events import Delegation, Standing, Window
from shared.store import SCHEMA, Database, Document, expiring, seam

#: So long after its end a word is still listed.
KEPT: Final = timedelta(days=90)
#: Of so many uses it is known which steps they were; all are counted.
USES_MOST: Final = 1000
#: So long a word is kept for who tells its person of it; then another may.
_LEASE: Final = timedelta(seconds=30)
#: Nobody is told of a word that was over so long ago.
_TOLD_WITHIN: Final = timedelta(days=1)
#: What a document is by its `kind`.
KINDS: Final[dict[str, type[Delegation] | type[Window]]] = {
    Delegation.kind: Delegation,
    Window.kind: Window,
}


@dataclass(frozen=True)
class Kept:
    """A word as it is stored, its signature not checked; ``used`` counts the steps it let run.

    ``told`` has of what its person was told: ``made``, ``ended``.
    """

    id: UUID
    kind: str
    said: Document
    used: int = 0
    uses: Sequence[Document] = ()
    told: Sequence[str] = ()


@seam
class MongoStanding:
    """Words are added and ended, never changed."""

    def __init__(self, db: Database) -> None:
        self._words = db.get_collection("standing")

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await expiring(self._words, "until", KEPT)

    async def add(self, word: Delegation | Window) -> bool:
        """Keep a word; false where it is kept already."""
        try:
            await self._words.insert_one(
                {
                    "_id": word.id,
                    "schema": SCHEMA,
                    "kind": word.kind,
                    "until": word.until,
                    "said": word.model_dump(mode="json"),
                    "used": 0,
                    "uses": [],
                }
            )
        except DuplicateKeyError:
            return False
        return True

    async def all(self, *, after: datetime | None = None) -> list[Kept]:
        """Those that end after a time, or all; what ends first comes first."""
        query: Document = {"until": {"$gt": after}} if after else {}
        return [_kept(each) async for each in self._words.find(query).sort("until", 1)]

    async def end(self, word_id: UUID, *, by: str, at: datetime) -> bool:
        """Have a word hold no more; false where it does not anyhow."""
        ended: dict[str, Any] = {"said.ended_at": at.isoformat(), "said.ended_by": by}
        open_ = {"_id": word_id, "said.ended_at": None, "until": {"$gt": at}}
        return bool((await self._words.update_one(open_, {"$set": ended})).modified_count)

    async def untold(self, now: datetime) -> list[Kept]:
        """Those of which somebody has yet to be told that they were said, or ended."""
        ended: Document = {"said.ended_at": {"$ne": None}, "told": {"$ne": "ended"}}
        query = {
            "until": {"$gt": now - _TOLD_WITHIN},
            "$or": [{"told": {"$ne": "made"}}, ended],
            **_unclaimed(now),
        }
        return [_kept(each) async for each in self._words.find(query).sort("until", 1)]

    async def claim(self, word_id: UUID, what: str, *, now: datetime) -> bool:
        """Be the one who tells of a word for a while; false where that is done, or another is."""
        mine: Document = {"_id": word_id, "told": {"$ne": what}, **_unclaimed(now)}
        lease = {"$set": {"telling_until": now + _LEASE}}
        return bool((await self._words.update_one(mine, lease)).modified_count)

    async def mark_told(self, word_id: UUID, what: str) -> None:
        """Keep that its person was told that a word was ``made``, or ``ended``."""
        done = {"$addToSet": {"told": what}, "$unset": {"telling_until": ""}}
        await self._words.update_one({"_id": word_id}, done)

    async def use(self, window: Window, key: str, *, at: datetime) -> int | None:
        """Count one more use, for the step ``key``; which one it is, or None where it is used up.

        A step that was counted before is not counted again. Of two at once for the last use, one
        gets it.
        """
        mine: Document = {"_id": window.id, "said.ended_at": None}
        room: Document = {} if window.times is None else {"used": {"$lt": window.times}}
        use = {"key": key, "at": at}
        change = {"$inc": {"used": 1}, "$push": {"uses": {"$each": [use], "$slice": -USES_MOST}}}
        counted = await self._words.find_one_and_update(
            {**mine, **room, "uses.key": {"$ne": key}},
            change,
            {"used": 1},
            return_document=ReturnDocument.AFTER,
        )
        if counted is None:
            counted = await self._words.find_one({**mine, "uses.key": key}, {"used": 1})
        return counted["used"] if counted else None


def _unclaimed(now: datetime) -> Document:
    return {"telling_until": {"$not": {"$gt": now}}}


def _kept(found: Document) -> Kept:
    return Kept(
        found["_id"],
        str(found.get("kind")),
        found.get("said") or {},
        found.get("used") or 0,
        found.get("uses") or (),
        tuple(found.get("told") or ()),
    )


def word_of(kept: Kept) -> Standing:
    """The word that a document has.

    Raises:
        ValueError: it has none.
    """
    kind = KINDS.get(kept.kind)
    if kind is None:
        raise ValueError(f"there is no kind {kept.kind!r}")
    word = kind.model_validate(kept.said)
    if word.id != kept.id:
        raise ValueError("it stands under another id than its own")
    return word
