"""Groups of tickets in memory and on MongoDB, with what the tests of correlation begin with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.ingest.correlation.grouper import Grouper
from services.ingest.correlation.grouping import MAY_BE_CHILD, Member
from services.ingest.correlation.placing import Placed
from services.ingest.correlation.rules import Correlating
from services.ingest.correlation.store import MongoGroups
from services.ingest.ruling import Ruling
from services.ingest.store import MongoTickets
from services.ingest.ticket import Decision, Recorded, collapsed
from shared.config.correlation import CorrelationRule
from shared.events import Alert, AlertStatus
from shared.lifecycle import TICKET_ENDED, TicketState

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def rule(**said):
    return CorrelationRule.model_validate({"name": "same-node", "by": "labels.node", **said})


def alert(name, *, node="n7", status=AlertStatus.FIRING, **labels):
    """An alert whose problem is its name on its node."""
    return Alert(
        source="am",
        name=name,
        status=status,
        fingerprint=f"{name}-{node}",
        title=f"{name} on {node}",
        labels={"node": node, **labels},
    )


class FakeGroups:
    """Tickets and their groups in memory; see ``MongoGroups``."""

    def __init__(self):
        self.tickets = {}
        self.under = {}
        self.asked = 0

    def open(self, recorded):
        self.tickets[recorded.ticket_id] = Member(
            ticket_id=recorded.ticket_id,
            state=recorded.state,
            created_at=recorded.created_at,
            since=recorded.created_at,
            groups=recorded.groups,
        )

    async def members(self, keys, since):
        self.asked += 1
        return [
            one
            for one in self.tickets.values()
            if one.leads & set(keys)
            or (
                one.ticket_id not in self.under
                and one.state not in TICKET_ENDED
                and one.since >= since
                and any(group.key in keys for group in one.groups)
            )
        ]

    async def free(self, ticket_id, key):
        one = self.tickets[ticket_id]
        self.tickets[ticket_id] = replace(one, leads=one.leads - {key})

    async def lead(self, ticket_id, key, now):
        one = self.tickets[ticket_id]
        taken = any(key in other.leads for other in self.tickets.values() if other is not one)
        if taken or ticket_id in self.under or one.state in TICKET_ENDED:
            return False
        self.tickets[ticket_id] = replace(one, leads=one.leads | {key}, has_led=True, led_at=now)
        return True

    async def put(self, children, now):
        for child in children:
            one = self.tickets[child.ticket_id]
            may = one.state in MAY_BE_CHILD and not one.has_led
            if may and child.ticket_id not in self.under:
                self.under[child.ticket_id] = Placed(
                    child.ticket_id, child.parent_id, child.reason, now, True, 1, alert("x")
                )
            parent = self.tickets[child.parent_id]
            self.tickets[child.parent_id] = replace(parent, led_at=now)

    async def placed(self, ticket_ids):
        return [self.under[one] for one in ticket_ids if one in self.under]


class FakeWorld:
    """Opens tickets in memory."""

    def __init__(self, *rules):
        self.rules = Correlating(rules)
        self.groups = FakeGroups()
        self.grouper = Grouper(self.rules, self.groups)

    async def record(self, *alerts, at=NOW):
        recorded = [
            Recorded(
                uuid4(),
                one,
                Decision.OPENED,
                TicketState.NEW,
                count=1,
                gone=False,
                created_at=at,
                groups=self.rules.memberships(one),
            )
            for one in alerts
        ]
        for one in recorded:
            self.groups.open(one)
        return recorded

    async def open(self, *alerts, at=NOW):
        return (await self.grouper.group(await self.record(*alerts, at=at), at))[0]

    async def becomes(self, ticket_id, state, *, at=NOW):
        one = self.groups.tickets[ticket_id]
        self.groups.tickets[ticket_id] = replace(one, state=TicketState(state))

    async def under(self):
        """The parent of each ticket that has one, with the reason."""
        return {one.ticket_id: (one.parent_id, one.reason) for one in self.groups.under.values()}


class MongoWorld:
    """Opens tickets on MongoDB."""

    def __init__(self, db, *rules):
        self.db = db
        self.rules = Correlating(rules)
        self.tickets = MongoTickets(db)
        self.groups = MongoGroups(db)
        self.grouper = Grouper(self.rules, self.groups)

    async def prepare(self):
        await self.tickets.prepare()
        await self.groups.prepare()
        return self

    async def record(self, *alerts, at=NOW):
        ruled = [Ruling(one, groups=self.rules.memberships(one)) for one in alerts]
        recorded = await self.tickets.record(collapsed(ruled), at)
        order = [one.fingerprint for one in alerts]
        return sorted(recorded, key=lambda one: order.index(one.alert.fingerprint))

    async def open(self, *alerts, at=NOW):
        return (await self.grouper.group(await self.record(*alerts, at=at), at))[0]

    async def becomes(self, ticket_id, state, *, at=NOW):
        ended = {"resolved": {"resolved_at": at}, "closed": {"closed_at": at}}.get(state, {})
        await self.db.tickets.update_one({"_id": ticket_id}, {"$set": {"state": state, **ended}})

    async def under(self):
        """The parent of each ticket that has one, with the reason."""
        found = self.db.tickets.find({"parent_id": {"$exists": True}})
        return {one["_id"]: (one["parent_id"], one["grouped"]["reason"]) async for one in found}
