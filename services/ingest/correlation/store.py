"""Tickets as correlation sees them: leaders of groups, and those that were put under one.

Each change is one conditional write on one ticket. A ticket that ever led has ``leads`` for good,
and gets no parent any more; one that has a parent cannot lead. So nothing is ever two levels deep,
whatever number of replicas writes at the same time. ``leads_groups`` are the keys of the groups
that a ticket leads, and unique: no group has two leaders.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from pymongo import ASCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from services.ingest.correlation.grouping import MAY_BE_CHILD, Member
from services.ingest.correlation.placing import Child, Ended, Placed, Released
from services.ingest.reopening import FIRES, note_announced, said_in
from services.ingest.ruling import Membership
from shared.events import Alert
from shared.lifecycle import TICKET_ENDED, TicketState
from shared.store import RELAXED, Database, Document, seam

_ENDED: Final = sorted(state.value for state in TICKET_ENDED)
_MAY_BE_CHILD: Final = sorted(state.value for state in MAY_BE_CHILD)
# One that is reopened already is judged anyway, and released once it is.
_RELEASED: Final = [TicketState.NEW.value, TicketState.TRIAGED.value]
_MEMBER: Final = {
    "groups": 1,
    "state": 1,
    "created_at": 1,
    "reopened.at": 1,
    "leads": 1,
    "leads_groups": 1,
    "led_at": 1,
}
_PLACED: Final = {"parent_id": 1, "grouped": 1, "count": 1, "alert": 1}


@seam
class MongoGroups:
    """Groups of tickets in MongoDB."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")
        self._relaxed = self._tickets.with_options(write_concern=RELAXED)

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._tickets.create_index("groups.key", sparse=True, name="groups_key")
        await self._tickets.create_index(
            "leads_groups", unique=True, sparse=True, name="leads_groups"
        )
        await self._tickets.create_index("led_at", sparse=True, name="led_at")
        await self._tickets.create_index("grouped.untold", sparse=True, name="grouped_untold")
        await self._tickets.create_index(
            [("parent_id", ASCENDING), ("state", ASCENDING)],
            partialFilterExpression={"parent_id": {"$exists": True}},
            name="parent_state",
        )

    async def members(self, keys: Sequence[str], since: datetime) -> list[Member]:
        """Who leads these groups, and the open tickets without a parent that began since then."""
        recent = {
            "groups.key": {"$in": keys},
            "parent_id": None,
            "state": {"$nin": _ENDED},
            "$or": [{"created_at": {"$gte": since}}, {"reopened.at": {"$gte": since}}],
        }
        query = {"$or": [recent, {"leads_groups": {"$in": keys}}]}
        return [_member(ticket) async for ticket in self._tickets.find(query, _MEMBER)]

    async def free(self, ticket_id: UUID, key: str) -> None:
        """A ticket that has ended leads the group no more, so that another one may."""
        left = {"$setDifference": ["$leads_groups", [key]]}
        # An empty array would be in the index too, and unique there.
        kept = {"$cond": [{"$eq": [left, []]}, "$$REMOVE", left]}
        await self._tickets.update_one(
            {"_id": ticket_id, "leads_groups": key, "state": {"$in": _ENDED}},
            [{"$set": {"leads_groups": kept}}],
        )

    async def lead(self, ticket_id: UUID, key: str, now: datetime) -> bool:
        """Make a ticket the leader of a group.

        False where another one is, or this one has ended or got a parent.
        """
        try:
            result = await self._tickets.update_one(
                {"_id": ticket_id, "parent_id": None, "state": {"$nin": _ENDED}},
                {
                    "$set": {"leads": True, "updated_at": now},
                    "$addToSet": {"leads_groups": key},
                    "$max": {"led_at": now},
                },
            )
        except DuplicateKeyError:
            return False
        return bool(result.matched_count)

    async def put(self, children: Sequence[Child], now: datetime) -> None:
        """Put tickets under their leaders, those that still may be."""
        bulk = [_under(child, now) for child in children]
        # After the children: whoever looks for those that are left behind finds the leader again.
        bulk += [
            UpdateOne({"_id": parent}, {"$max": {"led_at": now}})
            for parent in {child.parent_id for child in children}
        ]
        await self._tickets.bulk_write(bulk, ordered=True)

    async def placed(self, ticket_ids: Iterable[UUID]) -> list[Placed]:
        """Those of these tickets that are under a parent now."""
        query = {"_id": {"$in": list(ticket_ids)}, "parent_id": {"$ne": None}}
        return [_placed(ticket) async for ticket in self._tickets.find(query, _PLACED)]

    async def untold(self, before: datetime, most: int) -> list[Placed]:
        """Those that were put under a parent before then, which nobody may have told."""
        query = {"grouped.untold": True, "grouped.at": {"$lt": before}}
        cursor = self._tickets.find(query, _PLACED).limit(most)
        return [_placed(ticket) async for ticket in cursor]

    async def told(self, placed: Sequence[Placed]) -> None:
        """The stream has it that these were put under a parent."""
        bulk = [
            UpdateOne(
                {"_id": one.ticket_id, "grouped.at": one.at}, {"$unset": {"grouped.untold": ""}}
            )
            for one in placed
        ]
        await self._relaxed.bulk_write(bulk, ordered=False)

    async def ended(self, before: datetime) -> AsyncIterator[Ended]:
        """Leaders that ended before then, and whose children have not all been looked at since."""
        later = {"$not": {"$gt": before}}
        query = {
            "led_at": {"$exists": True},
            "state": {"$in": _ENDED},
            "resolved_at": later,
            "closed_at": later,
        }
        fields = {"title": 1, "state": 1, "led_at": 1}
        async for ticket in self._tickets.find(query, fields):
            yield Ended(
                ticket_id=ticket["_id"],
                title=ticket["title"],
                state=TicketState(ticket["state"]),
                led_at=ticket["led_at"],
            )

    async def left_behind(self, parent: Ended, most: int) -> list[Released]:
        """The children of a parent that still fire."""
        query = {"parent_id": parent.ticket_id, "state": {"$in": _RELEASED}, **FIRES}
        cursor = self._tickets.find(query).limit(most)
        return [Released(parent=parent, **said_in(ticket)) async for ticket in cursor]

    async def release(self, one: Released, now: datetime) -> bool:
        """Reopen a child without its parent; False where it has changed meanwhile."""
        child = {"parent_id": one.parent.ticket_id, "state": {"$in": _RELEASED}}
        result = await self._tickets.update_one(
            {**one.as_seen, **child, **FIRES}, one.reopen(now, without=("parent_id", "grouped"))
        )
        return bool(result.modified_count)

    async def announced(self, ticket_ids: Sequence[UUID]) -> None:
        """The stream has their reopening."""
        await note_announced(self._relaxed, ticket_ids)

    async def settle(self, parent: Ended) -> bool:
        """A parent that ended has no open children; False where it has, or may have got some."""
        child = {"parent_id": parent.ticket_id, "state": {"$nin": _ENDED}}
        if await self._tickets.find_one(child, {"_id": 1}) is not None:
            return False
        result = await self._tickets.update_one(
            {"_id": parent.ticket_id, "state": {"$in": _ENDED}, "led_at": parent.led_at},
            {"$unset": {"led_at": ""}},
        )
        return bool(result.modified_count)


def _under(child: Child, now: datetime) -> UpdateOne:
    # Also of one that is opened just now: another replica may have told that without its parent.
    grouped = {"rule": child.rule, "reason": child.reason, "at": now, "untold": True}
    return UpdateOne(
        {
            "_id": child.ticket_id,
            "parent_id": None,
            "leads": None,
            "state": {"$in": _MAY_BE_CHILD},
        },
        {"$set": {"parent_id": child.parent_id, "grouped": grouped, "updated_at": now}},
    )


def _member(ticket: Document) -> Member:
    created_at = ticket["created_at"]
    return Member(
        ticket_id=ticket["_id"],
        state=TicketState(ticket["state"]),
        created_at=created_at,
        since=max(created_at, ticket.get("reopened", {}).get("at", created_at)),
        groups=tuple(
            Membership(one["rule"], one["key"], tuple(one["parts"]))
            for one in ticket.get("groups", ())
        ),
        leads=frozenset(ticket.get("leads_groups", ())),
        has_led=bool(ticket.get("leads")),
        led_at=ticket.get("led_at"),
    )


def _placed(ticket: Document) -> Placed:
    grouped = ticket["grouped"]
    return Placed(
        ticket_id=ticket["_id"],
        parent_id=ticket["parent_id"],
        reason=grouped["reason"],
        at=grouped["at"],
        untold=bool(grouped.get("untold")),
        count=ticket["count"],
        alert=Alert.model_validate(ticket["alert"]),
    )
