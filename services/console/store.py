"""The timelines of tickets in MongoDB: append-only, one chain a ticket."""

from collections.abc import Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError

from services.console.chain import GENESIS, Entry, chained
from shared.errors import UnavailableError
from shared.store import SCHEMA, Database, Document, seam

_DUPLICATE_KEY: Final = 11000
_ATTEMPTS: Final = 10


class Timelines(Protocol):
    """Where timelines are kept."""

    async def append(self, entries: Sequence[Entry]) -> int:
        """Append entries to their tickets' chains; an event that is there already stays as it is.

        Returns how many were new.
        """
        ...


@seam
class MongoTimelines:
    """See ``Timelines``.

    Two unique keys keep the chain whole, with any number of recorders: an event has one entry, and
    a place in a chain has one entry. Who loses the race for a place takes the next one.
    """

    def __init__(self, db: Database) -> None:
        self._timeline = db.get_collection("timeline")

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await self._timeline.create_index(
            [("ticket_id", ASCENDING), ("seq", ASCENDING)], unique=True, name="chain"
        )

    async def append(self, entries: Sequence[Entry]) -> int:
        left = list({entry.event_id: entry for entry in entries}.values())
        added = 0
        for _ in range(_ATTEMPTS):
            left = await self._unknown(left)
            if not left:
                return added
            added += await self._insert(await self._placed(left))
        # Tried again by the bus, when the other recorders have had their turn.
        raise UnavailableError("too many recorders write the same timelines at once")

    async def _unknown(self, entries: list[Entry]) -> list[Entry]:
        ids = [entry.event_id for entry in entries]
        cursor = self._timeline.find({"_id": {"$in": ids}}, {"_id": 1})
        known = {found["_id"] async for found in cursor}
        return [entry for entry in entries if entry.event_id not in known]

    async def _placed(self, entries: list[Entry]) -> list[Entry]:
        by_ticket: dict[UUID, list[Entry]] = {}
        for entry in sorted(entries, key=lambda entry: entry.at):
            by_ticket.setdefault(entry.ticket_id, []).append(entry)
        ends = await self._ends(list(by_ticket))
        placed: list[Entry] = []
        for ticket_id, of_ticket in by_ticket.items():
            seq, prev = ends.get(ticket_id, (0, GENESIS))
            placed += chained(of_ticket, seq=seq, prev=prev)
        return placed

    async def _ends(self, ticket_ids: list[UUID]) -> dict[UUID, tuple[int, str]]:
        pipeline: list[dict[str, Any]] = [
            {"$match": {"ticket_id": {"$in": ticket_ids}}},
            {"$sort": {"ticket_id": ASCENDING, "seq": DESCENDING}},
            {
                "$group": {
                    "_id": "$ticket_id",
                    "seq": {"$first": "$seq"},
                    "end": {"$first": "$hash"},
                }
            },
        ]
        return {
            end["_id"]: (end["seq"], end["end"]) async for end in self._timeline.aggregate(pipeline)
        }

    async def _insert(self, entries: list[Entry]) -> int:
        try:
            # In order: after a lost race nothing of the same chain may be placed behind the gap.
            await self._timeline.insert_many([_document(entry) for entry in entries], ordered=True)
        except BulkWriteError as error:
            return _inserted(error)
        return len(entries)


def _inserted(error: BulkWriteError) -> int:
    """How many entries were stored before one found its place or its event taken."""
    if error.details["writeConcernErrors"]:
        raise UnavailableError("MongoDB did not confirm a write") from error
    if any(failure["code"] != _DUPLICATE_KEY for failure in error.details["writeErrors"]):
        raise error
    return int(error.details["nInserted"])


def _document(entry: Entry) -> Document:
    fields = {name: value for name, value in vars(entry).items() if name != "event_id"}
    return {"_id": entry.event_id, "schema": SCHEMA, **fields}


def entry_from(document: Document) -> Entry:
    """A stored entry, for showing and for checking the chain."""
    fields = {name: value for name, value in document.items() if name not in {"_id", "schema"}}
    return Entry(event_id=document["_id"], **fields)
