"""Credentials in MongoDB: encrypted, with who changed and used them when."""

from collections.abc import Collection as Some
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import SecretStr
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from shared.credentials.credential import (
    MASKED_FOR,
    Credential,
    CredentialChangedError,
    CredentialExistsError,
    Deed,
    Did,
    NoCredentialError,
    Values,
)
from shared.credentials.sealing import SealedByOtherKeyError, Sealer
from shared.store import RELAXED, SCHEMA, Database, Document, expiring, seam

#: So many values before the present one are kept, to mask them.
_BEFORE_MOST: Final = 8


@seam
class MongoCredentials:
    """Nothing leaves it but through ``changed``, which services use to resolve references."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._kept = db.get_collection("credentials")
        self._uses = db.get_collection("credentials", write_concern=RELAXED)
        self._deeds = db.get_collection("credential_audit")
        self._sealer = sealer

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await expiring(self._kept, "removed_at", MASKED_FOR)
        await self._deeds.create_index([("name", ASCENDING), ("at", ASCENDING)], name="name_at")

    async def create(self, name: str, value: SecretStr, *, by: str, now: datetime) -> None:
        """Keep a new credential.

        Raises:
            CredentialExistsError: there is one of that name.
        """
        fresh = {
            "sealed": self._sealer.sealed(name, value),
            "created_at": now,
            "created_by": by,
            "schema": SCHEMA,
        }
        gone = {"rotated_at": "", "rotated_by": "", "used_at": "", "used_by": "", "removed_at": ""}
        try:
            await self._kept.update_one(
                {"_id": name, "sealed": None},
                {"$set": fresh, "$unset": gone, "$inc": {"revision": 1}},
                upsert=True,
            )
        except DuplicateKeyError:
            raise CredentialExistsError(name) from None
        await self._note(name, Did.CREATED, by, now)

    async def rotate(
        self, name: str, value: SecretStr, *, by: str, now: datetime, revision: int | None = None
    ) -> None:
        """Replace a value; the old one is remembered for a while, to be masked.

        Raises:
            NoCredentialError: there is none of that name.
            CredentialChangedError: it has another revision than this, where one is given.
        """
        said = {"sealed": self._sealer.sealed(name, value), "rotated_at": now, "rotated_by": by}
        await self._replace(name, {"$set": said}, now, revision)
        await self._note(name, Did.ROTATED, by, now)

    async def remove(
        self, name: str, *, by: str, now: datetime, revision: int | None = None
    ) -> None:
        """Have a credential no more; what it was is remembered for a while, to be masked.

        Raises:
            NoCredentialError: there is none of that name.
            CredentialChangedError: it has another revision than this, where one is given.
        """
        await self._replace(name, {"$set": {"sealed": None, "removed_at": now}}, now, revision)
        await self._note(name, Did.REMOVED, by, now)

    async def _replace(
        self, name: str, change: dict[str, Any], now: datetime, revision: int | None
    ) -> None:
        while True:
            found = await self._kept.find_one({"_id": name, "sealed": {"$ne": None}})
            if found is None:
                raise NoCredentialError(name)
            if revision not in (None, found["revision"]):
                raise CredentialChangedError(name)
            old = {"sealed": found["sealed"], "until": now + MASKED_FOR}
            before = [each for each in found.get("before", ()) if each["until"] > now]
            kept = [*before, old][-_BEFORE_MOST:]
            written = await self._kept.update_one(
                {"_id": name, "revision": found["revision"], "sealed": found["sealed"]},
                {"$set": {**change["$set"], "before": kept}, "$inc": {"revision": 1}},
            )
            if written.matched_count:
                return

    async def rekey(self, *, by: str, now: datetime) -> tuple[int, list[str]]:
        """Encrypt everything under the first key; how many, and those that no key opens."""
        count, closed = 0, []
        async for found in self._kept.find():
            resealed = self._resealed(found)
            if resealed is None:
                closed.append(found["_id"])
                continue
            # Of a value that was replaced meanwhile, the new one is under the new key already.
            same = {"_id": found["_id"], "revision": found["revision"]}
            count += (await self._kept.update_one(same, {"$set": resealed})).matched_count
            await self._note(found["_id"], Did.REKEYED, by, now)
        return count, sorted(closed)

    def _resealed(self, found: Document) -> Document | None:
        """A document's encrypted parts under the first key."""
        before = [
            {**each, "sealed": sealed}
            for each in found.get("before", ())
            if (sealed := self._sealer.resealed(each["sealed"])) is not None
        ]
        if found["sealed"] is None:
            return {"before": before}
        sealed = self._sealer.resealed(found["sealed"])
        return None if sealed is None else {"sealed": sealed, "before": before}

    async def all(self) -> list[Credential]:
        """What is told of each, by name."""
        return [
            _told(found) async for found in self._kept.find({"sealed": {"$ne": None}}).sort("_id")
        ]

    async def deeds(self, name: str) -> list[Deed]:
        """What was done to one, in order."""
        found = self._deeds.find({"name": name}).sort("at")
        return [
            Deed(each["name"], Did(each["did"]), each["by"], each["at"]) async for each in found
        ]

    async def changed(self, known: Mapping[str, int]) -> tuple[dict[str, Values], set[str]]:
        """Those whose revision is not the known one, and the names of those that are gone."""
        revisions = {
            each["_id"]: each["revision"] async for each in self._kept.find({}, {"revision": 1})
        }
        others = [name for name, revision in revisions.items() if known.get(name) != revision]
        fresh = self._kept.find({"_id": {"$in": others}}) if others else None
        values = {each["_id"]: self._values(each) async for each in fresh} if fresh else {}
        return values, set(known) - set(revisions)

    def _values(self, found: Document) -> Values:
        name, revision = found["_id"], found["revision"]
        sealed = [each["sealed"] for each in found.get("before", ())]
        try:
            before = tuple(self._sealer.opened(name, each) for each in sealed)
            now = self._sealer.opened(name, found["sealed"]) if found["sealed"] else None
        except SealedByOtherKeyError as error:
            return Values(revision, None, problem=str(error))
        return Values(revision, now, before)

    async def used(self, names: Some[str], *, by: str, now: datetime) -> None:
        """Note that these were used."""
        said = {"$set": {"used_at": now, "used_by": by}}
        await self._uses.update_many({"_id": {"$in": sorted(names)}}, said)

    async def _note(self, name: str, did: Did, by: str, now: datetime) -> None:
        deed = {"name": name, "did": did.value, "by": by, "at": now, "schema": SCHEMA}
        await self._deeds.insert_one(deed)


def _told(found: Document) -> Credential:
    return Credential(
        name=found["_id"],
        revision=found["revision"],
        created_at=found["created_at"],
        created_by=found["created_by"],
        rotated_at=found.get("rotated_at"),
        rotated_by=found.get("rotated_by"),
        used_at=found.get("used_at"),
        used_by=found.get("used_by"),
    )
