"""Who works on which target, how targets did of late, and what dry runs made, in MongoDB."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from cryptography.fernet import InvalidToken, MultiFernet
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from services.executor.admission.breaker import Breaker, Threshold
from shared.lifecycle import SESSION_ENDED, Effect, SessionState, StepState
from shared.store import RELAXED, SCHEMA, Database, Document, seam

_ACTIVE: Final = [state.value for state in SessionState if state not in SESSION_ENDED]
_ENDED: Final = [state.value for state in SESSION_ENDED]
_KEEP_ARTIFACTS: Final = timedelta(days=7)


@seam
class MongoLocks:
    """Each target is worked on by one session at a time, and each limit has so many places."""

    def __init__(self, db: Database) -> None:
        self._locks = db.get_collection("target_locks")
        # What a crash keeps from being given back is given back by the sweep.
        self._giving_back = db.get_collection("target_locks", write_concern=RELAXED)
        self._places = db.get_collection("places")
        self._sessions = db.get_collection("sessions")

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await self._locks.create_index([("session_id", ASCENDING)], name="session")

    async def take(self, targets: Sequence[str], session_id: UUID) -> tuple[str, UUID] | None:
        """Take all of these targets for a session, or none; which one another has, and who.

        Sessions that want several ask for all at once, so that no two wait for each other.
        """
        taken: list[str] = []
        for target in sorted(targets):
            holder = await self._take(target, session_id, taken)
            if holder is not None:
                await self._locks.delete_many({"_id": {"$in": taken}, "session_id": session_id})
                return target, holder
        return None

    async def _take(self, target: str, session_id: UUID, taken: list[str]) -> UUID | None:
        lock = {"_id": target, "session_id": session_id, "schema": SCHEMA}
        try:
            await self._locks.insert_one(lock)
        except DuplicateKeyError:
            found = await self._locks.find_one({"_id": target})
            held = found and found["session_id"]
            # Let go of in this moment: it is tried again at the next look.
            return None if held == session_id else held or session_id
        taken.append(target)
        return None

    async def enter(self, limit: str, most: int, key: str) -> bool:
        """Take one of ``most`` places; whether there was one. The same key has one place."""
        full = {f"keys.{most - 1}": {"$exists": False}}
        try:
            await self._places.update_one(
                {"_id": limit, "$or": [full, {"keys": key}]},
                {"$addToSet": {"keys": key}, "$setOnInsert": {"schema": SCHEMA}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return True

    async def leave(self, limits: Sequence[str], key: str) -> None:
        """Give the places back that a step had."""
        await self._places.update_many({"_id": {"$in": list(limits)}}, {"$pull": {"keys": key}})

    async def waits_for(self, session_id: UUID, other: UUID) -> bool:
        """Whether one session waits for a target that another one has."""
        theirs = await self._locks.distinct("_id", {"session_id": other})
        waiting = {"_id": session_id, "held": {"$in": [f"lock {name}" for name in theirs]}}
        return await self._sessions.find_one(waiting, {"_id": 1}) is not None

    async def release(self, session_id: UUID) -> None:
        """Let go of all targets of a session."""
        await self._giving_back.delete_many({"session_id": session_id})

    async def sweep(self) -> int:
        """Let go of what sessions left behind that have ended; how many targets that were."""
        held = await self._locks.distinct("session_id")
        if not held:
            return 0
        over = self._sessions.find({"_id": {"$in": held}, "state": {"$in": _ENDED}}, {"_id": 1})
        ended = [found["_id"] async for found in over]
        gone = await self._locks.delete_many({"session_id": {"$in": ended}})
        return gone.deleted_count

    async def sweep_places(self) -> int:
        """Give places back whose steps do not run any more; how many."""
        count = 0
        async for place in self._places.find({"keys.0": {"$exists": True}}):
            for key in place["keys"]:
                if not await self._runs(key):
                    await self.leave([place["_id"]], key)
                    count += 1
        return count

    async def _runs(self, key: str) -> bool:
        session_id, attempt, step_id = key.split("/", 2)
        session = await self._sessions.find_one({"_id": UUID(session_id)}, {"runs": 1, "state": 1})
        runs: dict[str, Any] = (session or {}).get("runs") or {}
        run = runs.get(step_id, {})
        if run.get("attempt", 0) < int(attempt):
            # Let in, and about to be stored as running: as long as its session goes on.
            return session is not None and session["state"] in _ACTIVE
        state: str = run.get("state", "")
        return run.get("attempt") == int(attempt) and state == StepState.RUNNING.value


@seam
class MongoBreakers:
    """How each target did of late; a target without trouble has no document."""

    def __init__(self, db: Database) -> None:
        self._breakers = db.get_collection("breakers")

    async def all(self) -> dict[str, Breaker]:
        """The targets that had trouble."""
        return {each["_id"]: _breaker(each) async for each in self._breakers.find()}

    async def failed(self, target: str, now: datetime, threshold: Threshold) -> Breaker:
        """Note a failure; how the target stands now."""
        while True:
            found = await self._breakers.find_one({"_id": target})
            changed = (_breaker(found) if found else Breaker()).failed(now, threshold)
            rev = found["rev"] if found else 0
            document = {
                "schema": SCHEMA,
                "rev": rev + 1,
                "failures": list(changed.failures),
                "open_until": changed.open_until,
                "opened": changed.opened,
            }
            try:
                await self._breakers.replace_one(
                    {"_id": target, "rev": rev}, document, upsert=not found
                )
            except DuplicateKeyError:
                continue
            return changed

    async def succeeded(self, target: str) -> None:
        """Forget a target's failures."""
        await self._breakers.delete_one({"_id": target})


def _breaker(found: Document) -> Breaker:
    return Breaker(tuple(found["failures"]), found["open_until"], found["opened"])


@seam
class MongoArtifacts:
    """What dry runs made, such as saved plans, under the SHA-256 of each; encrypted, for a week."""

    def __init__(self, db: Database, key: MultiFernet) -> None:
        self._artifacts = db.get_collection("artifacts")
        self._key = key

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await self._artifacts.create_index(
            "kept_at", name="kept", expireAfterSeconds=int(_KEEP_ARTIFACTS.total_seconds())
        )

    async def keep(self, artifact: bytes, now: datetime) -> str:
        """Keep what a dry run made; its SHA-256."""
        digest = hashlib.sha256(artifact).hexdigest()
        sealed = {"schema": SCHEMA, "sealed": self._key.encrypt(artifact), "kept_at": now}
        await self._artifacts.replace_one({"_id": digest}, sealed, upsert=True)
        return digest

    async def load(self, digest: str) -> bytes | None:
        """What was kept; None where it is gone, is not what it was, or no key opens it."""
        found = await self._artifacts.find_one({"_id": digest})
        if found is None:
            return None
        try:
            artifact = self._key.decrypt(found["sealed"])
        except InvalidToken:
            return None
        return artifact if hashlib.sha256(artifact).hexdigest() == digest else None

    async def rekey(self) -> tuple[int, int]:
        """Encrypt everything under the first key; how many, and how many no key opens."""
        count = closed = 0
        async for found in self._artifacts.find():
            try:
                sealed = self._key.rotate(found["sealed"])
            except InvalidToken:
                closed += 1
                continue
            same = {"_id": found["_id"], "sealed": found["sealed"]}
            count += (
                await self._artifacts.update_one(same, {"$set": {"sealed": sealed}})
            ).matched_count
        return count, closed


@seam
class MongoHistory:
    """What the policy asks of the past when a step is about to begin."""

    def __init__(self, db: Database) -> None:
        self._sessions = db.get_collection("sessions")
        self._tickets = db.get_collection("tickets")

    async def begun_on(self, target: str, since: datetime, *, without: str) -> int:
        """The changing steps on a target that began since then; ``without`` is one not to count."""
        count = 0
        fields = ("steps.id", "steps.target", "steps.effect", "runs")
        recent = {"updated_at": {"$gte": since}, "steps.target": target}
        async for session in self._sessions.find(recent, dict.fromkeys(fields, 1)):
            for step in session["steps"]:
                run = (session.get("runs") or {}).get(step["id"], {})
                key = f"{session['_id']}/{step['id']}"
                counts = step["target"] == target and step["effect"] != Effect.READ_ONLY.value
                if counts and key != without and _began(run, since):
                    count += 1
        return count

    async def count(self, ticket_id: UUID) -> int | None:
        """How often the ticket's problem was told; None when there is no such ticket."""
        ticket = await self._tickets.find_one({"_id": ticket_id}, {"count": 1})
        return ticket.get("count") if ticket else None


def _began(run: Document, since: datetime) -> bool:
    began = run.get("started_at") if run.get("attempt") else None
    return began is not None and datetime.fromisoformat(began) >= since
