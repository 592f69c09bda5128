"""Targets that were declared from outside ``handrail.yaml``, in MongoDB."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from shared.errors import HandrailError
from shared.store import SCHEMA, Database, seam


class TargetExistsError(HandrailError):
    """There is a target of that name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a target {name} already: remove it first, or say --replace")


class NoTargetError(HandrailError):
    """There is no target of that name that can be changed here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no target {name} that was added with `handrail target add`")


@dataclass(frozen=True)
class Declared:
    """A target as it was declared: what would stand in ``handrail.yaml``, and who said so."""

    name: str
    said: Mapping[str, Any]
    added_at: datetime
    added_by: str


@seam
class MongoTargets:
    """Secrets are in it by reference only, as in the file."""

    def __init__(self, db: Database) -> None:
        self._targets = db.get_collection("targets")

    async def all(self) -> list[Declared]:
        """All of them, by name."""
        return [
            Declared(each["_id"], each["said"], each["added_at"], each["added_by"])
            async for each in self._targets.find().sort("_id")
        ]

    async def add(self, target: Declared) -> None:
        """Keep a new one.

        Raises:
            TargetExistsError: there is one of that name.
        """
        try:
            await self._targets.insert_one(_document(target))
        except DuplicateKeyError:
            raise TargetExistsError(target.name) from None

    async def put(self, target: Declared) -> None:
        """Keep one, in place of another of that name."""
        await self._targets.replace_one({"_id": target.name}, _document(target), upsert=True)

    async def replace(self, target: Declared, before: Declared) -> bool:
        """Keep one in place of what it was before; False where it is something else by now."""
        written = await self._targets.replace_one(_same(before), _document(target))
        return bool(written.matched_count)

    async def drop(self, before: Declared) -> bool:
        """Have one no more; False where it is something else by now."""
        return bool((await self._targets.delete_one(_same(before))).deleted_count)

    async def remove(self, name: str) -> None:
        """Have one no more.

        Raises:
            NoTargetError: there is none of that name.
        """
        if not (await self._targets.delete_one({"_id": name})).deleted_count:
            raise NoTargetError(name)


def _same(before: Declared) -> dict[str, Any]:
    return {"_id": before.name, "said": dict(before.said), "added_at": before.added_at}


def _document(target: Declared) -> dict[str, Any]:
    return {
        "_id": target.name,
        "said": dict(target.said),
        "added_at": target.added_at,
        "added_by": target.added_by,
        "schema": SCHEMA,
    }
