"""Versions and heads in MongoDB: versions are only ever added, a head changes by its revision."""

from collections.abc import Iterable
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from shared.runbook.versions.version import ChangedMeanwhileError, Head, Version, VersionError
from shared.store import SCHEMA, Database, Document, seam

#: Changes of a head that are kept with it.
_CHANGES: Final = 200
_WITHOUT_CHANGES: Final = {"changes": 0}


class VersionClashError(VersionError):
    """Two texts have the same version; the first one stays."""


@seam
class MongoVersions:
    """Every version that was ever seen, and for each runbook the one that is active."""

    def __init__(self, db: Database) -> None:
        self._versions = db.get_collection("runbook_versions")
        self._heads = db.get_collection("runbook_heads")

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._versions.create_index([("name", ASCENDING), ("at", DESCENDING)], name="name")
        await self._heads.create_index([("rev", ASCENDING)], name="rev")

    async def keep(self, version: Version) -> Version:
        """Add a version; where its text is known already, what was said of it the first time.

        Raises:
            VersionClashError: another text has this version.
        """
        said = {"_id": version.ref, "schema": SCHEMA, **version.model_dump(mode="python")}
        try:
            await self._versions.insert_one({**said, "origin": version.origin.value})
        except DuplicateKeyError:
            kept = await self.version(version.ref)
            if kept is None or kept.text != version.text:
                message = f"{version.ref} is another text already: change any character of this one"
                raise VersionClashError(message) from None
            return kept
        return version

    async def version(self, ref: str) -> Version | None:
        """One version, by ``name@version``."""
        found = await self._versions.find_one({"_id": ref})
        return Version.model_validate(found) if found else None

    async def these(self, refs: Iterable[str]) -> dict[str, Version]:
        """Versions by ``name@version``; those that are not there are left out."""
        found = self._versions.find({"_id": {"$in": list(refs)}})
        return {each["_id"]: Version.model_validate(each) async for each in found}

    async def of(self, name: str) -> list[Version]:
        """All versions of a runbook, the newest first."""
        found = self._versions.find({"name": name}).sort([("at", DESCENDING), ("_id", ASCENDING)])
        return [Version.model_validate(each) async for each in found]

    async def head(self, name: str) -> Head | None:
        """The head of a runbook; None where it was never seen."""
        found = await self._heads.find_one({"_id": name}, _WITHOUT_CHANGES)
        return Head.model_validate(found) if found else None

    async def heads(self) -> dict[str, Head]:
        """All heads, by the names of their runbooks, in the order of these."""
        found = self._heads.find({}, _WITHOUT_CHANGES).sort([("_id", ASCENDING)])
        return {each["_id"]: Head.model_validate(each) async for each in found}

    async def stamp(self) -> tuple[int, int]:
        """Two numbers, of which one grows with every change of any head."""
        counted = {"$group": {"_id": None, "heads": {"$sum": 1}, "revs": {"$sum": "$rev"}}}
        async for found in self._heads.aggregate([counted]):
            return found["heads"], found["revs"]
        return 0, 0

    async def put(self, head: Head) -> None:
        """Write the next head of a runbook, whose version has been kept.

        Raises:
            ChangedMeanwhileError: its revision is not the next one any more.
        """
        said: Document = {"schema": SCHEMA, **head.model_dump(mode="python", exclude={"name"})}
        change = {
            "rev": head.rev,
            "version": head.version,
            "active": head.active,
            "who": head.who,
            "at": head.at,
            "why": head.why,
        }
        if not await self._written(head, {**said, "name": head.name}, change):
            raise ChangedMeanwhileError(
                f"{head.name}: somebody changed it at the same time; look again: "
                f"handrail runbook versions {head.name}"
            )

    async def changes(self, name: str) -> list[dict[str, Any]]:
        """The last changes of a head, the newest first."""
        found = await self._heads.find_one({"_id": name}, {"changes": 1})
        return list(reversed(found.get("changes", []))) if found else []

    async def _written(self, head: Head, said: Document, change: Document) -> bool:
        if head.rev == 1:
            try:
                await self._heads.insert_one({"_id": head.name, **said, "changes": [change]})
            except DuplicateKeyError:
                return False
            return True
        noted = {"changes": {"$each": [change], "$slice": -_CHANGES}}
        query = {"_id": head.name, "rev": head.rev - 1}
        written = await self._heads.update_one(query, {"$set": said, "$push": noted})
        return bool(written.matched_count)
