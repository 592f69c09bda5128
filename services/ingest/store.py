"""Tickets as ingest sees them: opened, counted, told that their problem is gone, reopened."""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import BulkWriteError

from services.ingest import writes
from services.ingest.comeback import Comeback, Held, Move, ReturnRules, comeback
from services.ingest.ticket import Recorded, Said
from shared.errors import UnavailableError
from shared.lifecycle import TICKET_ENDED, TicketState
from shared.store import RELAXED, Database, Document, seam

_DUPLICATE_KEY: Final = 11000
# Two requests that open the same ticket at once: the one that lost counts on the winner's. One
# that ended long ago is retired first.
_ATTEMPTS: Final = 4
_SEEN: Final = {
    "open_fingerprint": 1,
    "state": 1,
    "count": 1,
    "firing": 1,
    "created_at": 1,
    "flapping": 1,
    "reopenings": 1,
    "reopened": 1,
    "parent_id": 1,
    "grouped": 1,
    "announced": 1,
}
_HELD: Final = {
    "open_fingerprint": 1,
    "state": 1,
    "firing": 1,
    "closed_at": 1,
    "resolved_at": 1,
    "verdict.verdict": 1,
    "suppressed": 1,
    "comebacks": 1,
    "flapping": 1,
    "reopenings": 1,
}


@seam
class MongoTickets:
    """Tickets in MongoDB.

    ``open_fingerprint`` is there while alerts with it belong to the ticket, and unique: that is
    what makes repeated alerts one ticket, whatever number of replicas takes them in. A ticket that
    has ended keeps it until another one is opened for its problem.
    """

    def __init__(self, db: Database, rules: ReturnRules | None = None) -> None:
        self._tickets = db.get_collection("tickets")
        self._relaxed = self._tickets.with_options(write_concern=RELAXED)
        self._rules = rules or ReturnRules()

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._tickets.create_index(
            "open_fingerprint", unique=True, sparse=True, name="open_fingerprint"
        )
        await self._tickets.create_index(
            [("state", ASCENDING), ("created_at", DESCENDING)], name="state_created"
        )
        await self._tickets.create_index([("created_at", DESCENDING)], name="created")
        for field in ("suppressed.until", "flapping.until"):
            await self._tickets.create_index(field, sparse=True, name=field.replace(".", "_"))

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]:
        """Store what was said, journaled by a majority; each problem may be there once.

        A firing alert opens a ticket, or counts on the one that there is, which may reopen it; a
        resolved one is noted on it. What no ticket is about is not among the answers.
        """
        recorded: list[Recorded] = []
        left = list(said)
        for _ in range(_ATTEMPTS):
            done, left = await self._write(left, now)
            recorded += done
            if not left:
                return recorded
            done, left = await self._settle(left, now)
            recorded += done
            if not left:
                return recorded
        raise UnavailableError("too many requests open the same tickets at once")

    async def _write(self, said: list[Said], now: datetime) -> tuple[list[Recorded], list[Said]]:
        """What was recorded, and what has a ticket that is not simply open and firing."""
        ids = _new_ids(len(said))
        bulk = [writes.simple(one, id_, now) for one, id_ in zip(said, ids, strict=True)]
        held: set[int] = set()
        try:
            result = await self._tickets.bulk_write(bulk, ordered=False)
            opened = set(result.upserted_ids or ())
        except BulkWriteError as error:
            held = _duplicates(error)
            opened = {upserted["index"] for upserted in error.details["upserted"]}
        fresh = [writes.opened(said[index], ids[index], now) for index in sorted(opened)]
        known = [one for index, one in enumerate(said) if index not in opened | held]
        found, missed = await self._found(known)
        return fresh + found, [*(said[index] for index in sorted(held)), *missed]

    async def _found(self, said: list[Said]) -> tuple[list[Recorded], list[Said]]:
        """What the tickets are now that were written to, and what may have missed its ticket."""
        if not said:
            return [], []
        tickets = await self._by_fingerprint(said, _SEEN)
        found: list[Recorded] = []
        missed: list[Said] = []
        for one in said:
            ticket = tickets.get(one.alert.fingerprint)
            if ticket is not None and not _missed(one, ticket):
                found.append(writes.counted(one, ticket))
            elif ticket is not None or writes.opens(one):
                missed.append(one)
        return found, missed

    async def _settle(self, said: list[Said], now: datetime) -> tuple[list[Recorded], list[Said]]:
        """What was recorded on tickets that ended or come back, and what is to be written again."""
        tickets = await self._by_fingerprint(said, _HELD)
        settled = await asyncio.gather(
            *(self._settle_one(one, tickets.get(one.alert.fingerprint), now) for one in said)
        )
        done: list[Recorded] = []
        left: list[Said] = []
        for one, outcome in zip(said, settled, strict=True):
            match outcome:
                case Recorded():
                    done.append(outcome)
                case Move.RETIRE:
                    left.append(one)
        return done, left

    async def _settle_one(
        self, said: Said, ticket: Document | None, now: datetime
    ) -> Recorded | Move:
        """What was recorded; or that there is none, or that it is to be written again."""
        if ticket is None:
            return Move.RETIRE
        held = _held(ticket)
        back = comeback(held, said, now, self._rules)
        match back.move:
            case Move.LEAVE:
                return back.move
            case Move.RETIRE:
                unset = {"$unset": {"open_fingerprint": ""}}
                await self._tickets.update_one(_as_seen(held, said), unset)
                return back.move
        return await self._come_back(held, said, back, now) or Move.RETIRE

    async def _come_back(
        self, held: Held, said: Said, back: Comeback, now: datetime
    ) -> Recorded | None:
        """The ticket as it is then; None where it has changed since it was looked at."""
        # Of two who find a problem back at once, one counts it as a comeback.
        still_gone: Document = {"firing": []} if back.move is Move.COME_BACK else {}
        ticket = await self._tickets.find_one_and_update(
            {**_as_seen(held, said), **still_gone},
            writes.comeback(held, said, back, now, calm_after=self._rules.flapping_within),
            projection=_SEEN,
            return_document=ReturnDocument.AFTER,
        )
        return writes.came_back(held, said, back, ticket) if ticket is not None else None

    async def _by_fingerprint(
        self, said: Sequence[Said], fields: dict[str, int]
    ) -> dict[str, Document]:
        query = {"open_fingerprint": {"$in": [one.alert.fingerprint for one in said]}}
        cursor = self._tickets.find(query, fields)
        return {ticket["open_fingerprint"]: ticket async for ticket in cursor}

    async def unannounced(self, before: datetime, most: int) -> list[Recorded]:
        """Tickets opened or reopened before then that nobody has judged, each told of once."""
        untold = {"announced": {"$exists": False}}
        new = {"state": TicketState.NEW.value, "created_at": {"$lt": before}}
        reopened = {"state": TicketState.REOPENED.value, "reopened.at": {"$lt": before}}
        suppressed = {
            "suppressed.until": {"$exists": True},
            "state": TicketState.CLOSED.value,
            "created_at": {"$lt": before},
        }
        found: list[Recorded] = []
        for query in (new, reopened, suppressed):
            cursor = self._tickets.find({**query, **untold}).limit(most)
            found += [writes.standing(ticket) async for ticket in cursor]
        return found[:most]

    async def announced(self, told: Sequence[Recorded]) -> None:
        """Note that the stream has the opening of these tickets, where that is of use yet.

        One that was reopened after it was told of is to be told of again.
        """
        untold = [
            {"state": {"$in": [TicketState.NEW.value, TicketState.REOPENED.value]}},
            {"suppressed": {"$exists": True}},
        ]
        by_number: dict[int, list[UUID]] = {}
        for one in told:
            by_number.setdefault(one.reopenings, []).append(one.ticket_id)
        for number, ids in by_number.items():
            of_use = {"_id": {"$in": ids}, "reopenings": number or None, "$or": untold}
            await self._relaxed.update_many(of_use, {"$set": {"announced": True}})

    async def calm(self, now: datetime, most: int) -> list[Recorded]:
        """Tickets whose problem has neither come nor gone for as long as it takes to be calm."""
        query = {"flapping.until": {"$lt": now}}
        cursor = self._tickets.find(query).limit(most)
        return [writes.standing(ticket) async for ticket in cursor]

    async def calmed(self, ticket_id: UUID, now: datetime) -> None:
        """The ticket flaps no more."""
        await self._tickets.update_one(
            {"_id": ticket_id, "flapping.until": {"$lt": now}}, {"$unset": {"flapping": ""}}
        )


def _missed(said: Said, ticket: Document) -> bool:
    """Whether a write that opens nothing found its ticket ended, or over at its source."""
    if not said.firing or writes.opens(said):
        return False
    return TicketState(ticket["state"]) in TICKET_ENDED or not ticket["firing"]


def _as_seen(held: Held, said: Said) -> Document:
    """The ticket, where it stands as it did."""
    return {
        "_id": held.ticket_id,
        "open_fingerprint": said.alert.fingerprint,
        "state": held.state.value,
        "reopenings": held.reopenings or None,
    }


def _held(ticket: Document) -> Held:
    ended = [at for at in (ticket.get("resolved_at"), ticket.get("closed_at")) if at is not None]
    state, verdict = TicketState(ticket["state"]), ticket.get("verdict", {}).get("verdict")
    return Held(
        ticket_id=ticket["_id"],
        state=state,
        firing=frozenset(ticket.get("firing", ())),
        ended_at=max(ended, default=None),
        # A ticket that was reopened keeps its verdict until it is judged again.
        closed_as_false=state is TicketState.CLOSED and verdict == "false",
        window=ticket.get("suppressed", {}).get("window", ""),
        comebacks=tuple(ticket.get("comebacks", ())),
        flaps_until=ticket.get("flapping", {}).get("until"),
        reopenings=ticket.get("reopenings", 0),
    )


def _new_ids(number: int) -> list[UUID]:
    """Random ids; asking the system once for all is a good part faster than ``uuid4`` for each."""
    random = os.urandom(16 * number)
    return [UUID(bytes=random[at : at + 16], version=4) for at in range(0, len(random), 16)]


def _duplicates(error: BulkWriteError) -> set[int]:
    """The writes that would have opened a second ticket for a problem that has one."""
    if error.details["writeConcernErrors"]:
        raise UnavailableError("MongoDB did not confirm a write") from error
    failures = error.details["writeErrors"]
    if any(failure["code"] != _DUPLICATE_KEY for failure in failures):
        raise error
    return {failure["index"] for failure in failures}
