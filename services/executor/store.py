"""Sessions in MongoDB, who is alive to run them, and what their commands wrote."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pymongo import ASCENDING, DeleteOne, ReplaceOne
from pymongo.errors import DuplicateKeyError, PyMongoError

from services.executor.directive import retried
from services.executor.moves import Move
from services.executor.output import Attempt, Whole
from services.executor.session import Session
from services.executor.transcript import Piece
from shared import outbox
from shared.connectors.protocol import Stream, Usage
from shared.errors import UnavailableError
from shared.events import SessionDirected
from shared.lifecycle import SESSION_ENDED, TICKET_FROM, SessionState, TicketState
from shared.store import RELAXED, Database, Document, expiring, seam

_BEGUN: Final = [SessionState.RUNNING.value, SessionState.WAITING.value]
_ACTIVE: Final = [SessionState.PLANNED.value, *_BEGUN]
#: What a session that is tried again has of the first, beside what is known here.
_KEPT: Final = ("schema", "caused_by")
# Executors that are gone for this long are of no interest to anybody.
_FORGET: Final = timedelta(days=1)
#: Chunks of attempts whose end nobody saw; all others go with that end.
KEEP_CHUNKS: Final = timedelta(days=7)


@seam
class MongoSessions:
    """Sessions; every change is a write that is refused when somebody else changed it first."""

    def __init__(self, db: Database) -> None:
        self.collection = db.get_collection("sessions")
        self._tickets = db.get_collection("tickets")

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        for name in ("owners", "stopping", "held", "deadline"):
            await self.collection.create_index(name, sparse=True, name=name)
        await self.collection.create_index([("ticket_id", ASCENDING)], name="ticket")

    async def load(self, session_id: UUID) -> Session | None:
        found = await self.collection.find_one({"_id": session_id}, {"outbox": 0})
        return None if found is None else _session(found)

    async def save(self, rev: int, move: Move) -> list[Document] | None:
        """Store a change of the session as it was at ``rev``, together with its events.

        They take the place of earlier ones unless one of these may be untold. Returns the stored
        events, or None when the session is not at ``rev`` any more.
        """
        session = move.session
        entries = outbox.kept(move.events, traceparent=session.trace)
        update = _update(move)
        outbox.put(update, entries, instead=not session.untold)
        changed = await self.collection.update_one({"_id": session.id, "rev": rev}, update)
        return entries if changed.matched_count else None

    async def owned_by_others(self, alive: Sequence[str]) -> list[UUID]:
        """Sessions with a step whose owner is not among the living."""
        cursor = self.collection.find({"owners": {"$elemMatch": {"$nin": list(alive)}}}, {"_id": 1})
        return [found["_id"] async for found in cursor]

    async def held_back(
        self, on: Collection[str] | None = None, *, limit: int = 0
    ) -> list[tuple[UUID, list[str]]]:
        """Sessions with a step that waits for something outside of them, and the names of that.

        The first that was begun comes first. ``on`` are the only names that are of interest, and
        ``limit`` how many sessions; 0 is all.
        """
        query = {"held": {"$exists": True} if on is None else {"$in": list(on)}}
        cursor = self.collection.find(query, {"held": 1}).sort("begun_at", ASCENDING)
        cursor = cursor.limit(limit)
        return [(found["_id"], list(found["held"])) async for found in cursor]

    async def quiet(self, since: datetime) -> list[Session]:
        """Sessions that have not changed since then, and of which nothing runs or is held."""
        query: Document = {
            "state": {"$in": _BEGUN},
            "updated_at": {"$lt": since},
            "owners": {"$exists": False},
            "held": {"$exists": False},
            "paused": "",
        }
        return [_session(found) async for found in self.collection.find(query, {"outbox": 0})]

    async def overdue(self, now: datetime) -> list[UUID]:
        """Sessions that have taken too long."""
        return await self._ids({"deadline": {"$lte": now}})

    async def stopping(self, owner: str) -> list[UUID]:
        """Sessions in which this executor has to end something."""
        return await self._ids({"stopping": owner})

    async def _ids(self, query: Document) -> list[UUID]:
        return [found["_id"] async for found in self.collection.find(query, {"_id": 1})]

    async def active_of(self, ticket_id: UUID) -> list[UUID]:
        """The sessions of a ticket that have not ended."""
        cursor = self.collection.find(
            {"ticket_id": ticket_id, "state": {"$in": _ACTIVE}}, {"_id": 1}
        )
        return [found["_id"] async for found in cursor]

    async def retry(self, said: SessionDirected, now: datetime) -> Session | None:
        """Store the session that tries another one again; None when there is no such session.

        The same word makes the same session, however often it comes.

        Raises:
            NothingToRetryError: see there.
        """
        found = await self.collection.find_one({"_id": said.session_id}, {"outbox": 0})
        if found is None:
            return None
        again = retried(_session(found), said)
        new = again.model_dump(mode="json", exclude={"id", "ticket_id"})
        kept: Document = {name: found[name] for name in _KEPT if name in found}
        document: Document = {**kept, **new, "_id": again.id, "ticket_id": again.ticket_id}
        with suppress(DuplicateKeyError):
            await self.collection.insert_one({**document, "created_at": now})
        return again

    async def ticket_taken_on(self, ticket_id: UUID, now: datetime) -> bool:
        """Move the ticket on, unless its source says that the problem is gone; whether it does.

        A ticket that is further already stays where it is.
        """
        sources = [state.value for state in TICKET_FROM[TicketState.IN_PROGRESS]]
        moved = await self._tickets.update_one(
            {"_id": ticket_id, "state": {"$in": sources}, "source_resolved_at": None},
            {"$set": {"state": TicketState.IN_PROGRESS.value, "updated_at": now}},
        )
        if moved.matched_count:
            return False
        ticket = await self._tickets.find_one({"_id": ticket_id}, {"source_resolved_at": 1})
        return bool(ticket and ticket.get("source_resolved_at"))


def _update(move: Move) -> Document:
    session = move.session
    fields: dict[str, Any] = {
        "state": session.state.value,
        "runs": {id_: run.model_dump(mode="json") for id_, run in session.runs.items()},
        "source_resolved": session.source_resolved,
        "paused": session.paused,
        "ending": session.ending and session.ending.model_dump(mode="json"),
        "rolling_back": session.rolling_back,
        "begun_at": session.begun_at,
        "directed_at": session.directed_at,
        "updated_at": move.now,
    }
    if move.rewritten:
        fields["steps"] = [step.model_dump(mode="json") for step in session.steps]
    update: Document = {"$set": fields, "$inc": {"rev": 1}}
    active = session.state not in SESSION_ENDED
    marks = {
        "owners": session.owners(),
        "stopping": session.stopping(),
        "held": session.held_on if active else None,
        "deadline": session.deadline if active and session.ending is None else None,
    }
    fields.update({name: value for name, value in marks.items() if value})
    # What is looked for by a sparse index is there only while it is so.
    update["$unset"] = {name: "" for name, value in marks.items() if not value}
    return update


def _session(document: Document) -> Session:
    untold = outbox.INDEX in document
    return Session.model_validate({**document, "id": document["_id"], "untold": untold})


@seam
class MongoExecutors:
    """Which executors are alive, by the clock of the database and nobody else's."""

    def __init__(self, db: Database, lease: timedelta) -> None:
        self._executors = db.get_collection("executors", write_concern=RELAXED)
        self._lease_ms = int(lease.total_seconds() * 1000)

    async def renew(self, owner: str) -> None:
        """Live for another lease."""
        until = {"$add": ["$$NOW", self._lease_ms]}
        await self._executors.update_one({"_id": owner}, [{"$set": {"until": until}}], upsert=True)

    async def resign(self, owner: str) -> None:
        """Let others take over at once."""
        await self._executors.delete_one({"_id": owner})

    async def alive(self) -> frozenset[str]:
        """The owners whose lease has not run out."""
        cursor = self._executors.find({"$expr": {"$gt": ["$until", "$$NOW"]}}, {"_id": 1})
        return frozenset([found["_id"] async for found in cursor])

    async def forget(self) -> None:
        """Drop those that have been gone for long."""
        long_ago = {"$subtract": ["$$NOW", int(_FORGET.total_seconds() * 1000)]}
        await self._executors.delete_many({"$expr": {"$lt": ["$until", long_ago]}})


@seam
class MongoOutput:
    """What the commands of steps wrote: chunks while they run, then one document an attempt."""

    def __init__(self, db: Database) -> None:
        self._output = db.get_collection("output", write_concern=RELAXED)
        self._chunks = db.get_collection("output_chunks", write_concern=RELAXED)

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._output.create_index([("session_id", ASCENDING)], name="session")
        await self._chunks.create_index([("session_id", ASCENDING)], name="session")
        await expiring(self._chunks, "at", KEEP_CHUNKS)

    async def add(
        self, attempt: Attempt, pieces: Sequence[Piece], gone: Sequence[tuple[Stream, int]]
    ) -> None:
        """Keep what an attempt wrote, and drop what is in the middle by now; twice is as once."""
        kept = [
            ReplaceOne({"_id": _chunk_id(attempt, each.stream, each.offset)}, document, upsert=True)
            for each in pieces
            if (document := _chunk(attempt, each))
        ]
        dropped = [DeleteOne({"_id": _chunk_id(attempt, stream, at)}) for stream, at in gone]
        with _best_effort():
            await self._chunks.bulk_write([*kept, *dropped], ordered=False)

    async def replace(self, attempt: Attempt, whole: Whole, *, chunks: bool) -> None:
        """Keep all that an attempt wrote, in place of its chunks; a later owner's word stands."""
        document = {
            "session_id": attempt.session_id,
            "step_id": attempt.step_id,
            "attempt": attempt.attempt,
            "fence": attempt.fence,
            "stdout": whole.stdout,
            "stderr": whole.stderr,
            "cut": whole.cut,
            "exit_code": whole.exit_code,
            "started_at": whole.started_at,
            "ended_at": whole.ended_at,
            "usage": whole.usage and _usage(whole.usage),
        }
        mine = {"_id": _output_id(attempt), "fence": {"$lte": attempt.fence}}
        with _best_effort():
            with suppress(DuplicateKeyError):
                await self._output.replace_one(mine, document, upsert=True)
            if chunks:
                await self._chunks.delete_many(_of(attempt))


@contextmanager
def _best_effort() -> Iterator[None]:
    """Whatever keeps output from being stored, such as a full disk, is no error of the command."""
    try:
        yield
    except PyMongoError as error:
        raise UnavailableError(f"MongoDB does not take output: {error}") from error


def _output_id(attempt: Attempt) -> str:
    return f"{attempt.session_id}/{attempt.step_id}/{attempt.attempt}"


def _chunk_id(attempt: Attempt, stream: Stream, offset: int) -> str:
    return f"{_output_id(attempt)}/{attempt.fence}/{stream}/{offset}"


def _of(attempt: Attempt) -> Document:
    return {
        "session_id": attempt.session_id,
        "step_id": attempt.step_id,
        "attempt": attempt.attempt,
    }


def _chunk(attempt: Attempt, piece: Piece) -> Document:
    return {
        **_of(attempt),
        "fence": attempt.fence,
        "stream": piece.stream.value,
        "offset": piece.offset,
        "text": piece.text,
        "at": piece.at,
    }


def _usage(usage: Usage) -> Document:
    return {"cpu_s": usage.cpu.total_seconds(), "memory": usage.memory}
