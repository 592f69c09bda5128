"""The record of changes in MongoDB: lines are added, and there is no way to change one."""

from dataclasses import replace

from pymongo import DESCENDING

from services.console.audit.entry import Deed, Entry, Outcome
from shared.store import SCHEMA, Database, Document, seam


@seam
class MongoTrail:
    """See ``Trail``."""

    def __init__(self, db: Database) -> None:
        self._entries = db.get_collection("api_audit")

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._entries.create_index([("at", DESCENDING)], name="at")
        await self._entries.create_index("follows", sparse=True, name="follows")

    async def add(self, entry: Entry) -> None:
        said = {name: value for name, value in vars(entry).items() if value is not None}
        said |= {"deed": entry.deed.value, "outcome": entry.outcome.value, "schema": SCHEMA}
        await self._entries.insert_one({"_id": said.pop("id"), **said})

    async def newest(self, limit: int, *, about: str | None = None) -> list[Entry]:
        """What was done last, the newest first, each with what came of it."""
        query = {"follows": None, **({"about": about} if about else {})}
        found = self._entries.find(query).sort("at", DESCENDING).limit(limit)
        begun = [_entry(each) async for each in found]
        ids = [entry.id for entry in begun]
        ended = {
            each["follows"]: _entry(each)
            async for each in self._entries.find({"follows": {"$in": ids}})
        }
        return [_whole(entry, ended.get(entry.id)) for entry in begun]


def _whole(begun: Entry, ended: Entry | None) -> Entry:
    """A deed with what came of it."""
    if ended is None:
        return begun
    return replace(begun, outcome=ended.outcome, detail=ended.detail or begun.detail)


def _entry(found: Document) -> Entry:
    said = {name: value for name, value in found.items() if name not in {"_id", "schema"}}
    return Entry(
        **{
            **said,
            "id": found["_id"],
            "deed": Deed(found["deed"]),
            "outcome": Outcome(found["outcome"]),
        }
    )
