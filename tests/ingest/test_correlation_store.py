"""Groups on a real MongoDB: many writers at once, crashes, and children that are let go."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import chain
from uuid import uuid4

import pytest

from services.ingest.announce import OVERDUE, Announcements
from services.ingest.correlation.grouper import Grouper
from services.ingest.correlation.placing import Child
from services.ingest.correlation.release import SETTLING, Release
from services.ingest.correlation.store import MongoGroups
from services.ingest.intake import Intake
from services.ingest.ruling import Ruling
from services.ingest.telling import events_of
from services.planner.store import MongoConclusions
from shared.errors import UnavailableError
from shared.events import AlertStatus, Change, TicketCreated, TicketReopened, TicketUpdated
from tests.ingest.correlating import MINUTE, NOW, SECOND, MongoWorld, alert, rule
from tests.ingest.fakes import FakeBus, FakeHistory
from tests.planner.tickets import planner, triaged

RULES = (rule(), rule(name="same-zone", by="labels.zone"), rule(name="same-rack", by="labels.rack"))
LATER = NOW + MINUTE + SETTLING + SECOND


@pytest.fixture
async def world(db):
    return await MongoWorld(db, *RULES).prepare()


@pytest.fixture
def bus():
    return FakeBus()


async def group_of(world, *names):
    """The parent and the children of a group that is opened with the first ticket leading."""
    opened = [
        (await world.open(alert(name), at=NOW + after * SECOND))[0]
        for after, name in enumerate(names)
    ]
    return opened[0], opened[1:]


async def assert_one_level(db):
    tickets = {one["_id"]: one async for one in db.tickets.find()}
    for one in tickets.values():
        if "parent_id" in one:
            assert "leads" not in one
            assert one["grouped"]["reason"].startswith("rule ")
            assert tickets[one["parent_id"]]["leads"]
            assert "parent_id" not in tickets[one["parent_id"]]
    held = Counter(chain.from_iterable(one.get("leads_groups", ()) for one in tickets.values()))
    assert set(held.values()) <= {1}
    return tickets


async def test_many_writers_at_once_make_one_group_with_one_leader(world, db):
    replicas = [Grouper(world.rules, MongoGroups(db)) for _ in range(8)]

    async def open_some(number, grouper):
        at = NOW + (number % 3) * SECOND
        for each in range(5):
            recorded = await world.record(alert(f"A{number}-{each}"), at=at)
            await grouper.group(recorded, at)

    await asyncio.gather(*(open_some(*one) for one in enumerate(replicas)))
    tickets = await assert_one_level(db)
    parents = Counter(one.get("parent_id") for one in tickets.values())
    assert len(tickets) == 40
    assert parents[None] == 1
    assert len(parents) == 2


async def test_many_writers_of_groups_that_overlap_make_nothing_two_levels_deep(world, db):
    async def open_some(number):
        grouper = Grouper(world.rules, MongoGroups(db))
        for each in range(6):
            at = NOW + each * SECOND
            one = alert(
                f"A{number}-{each}",
                node=f"n{(number + each) % 3}",
                zone=f"z{number * each % 3}",
                rack=f"r{(number * 5 + each) % 2}",
            )
            (opened,) = (await grouper.group(await world.record(one, at=at), at))[0]
            if (number + each) % 4 == 0:
                await world.becomes(opened.ticket_id, ("planned", "resolved")[each % 2], at=at)
            if (number + each) % 5 == 0:
                await world.becomes(opened.ticket_id, "reopened", at=at)

    await asyncio.gather(*(open_some(number) for number in range(8)))
    tickets = await assert_one_level(db)
    assert sum("parent_id" in one for one in tickets.values()) > 10


async def test_of_being_planned_and_being_put_under_a_parent_exactly_one_happens(world, db):
    conclusions = MongoConclusions(db)
    for number in range(10):
        node = f"n-{number}"
        (first,) = await world.open(alert("First", node=node))
        (second,) = await world.record(alert("Second", node=node), at=NOW + SECOND)
        await world.becomes(second.ticket_id, "triaged")
        event = triaged(second.ticket_id)
        plan = planner().conclude(event)
        _, kept = await asyncio.gather(
            world.grouper.group([second], NOW + SECOND),
            conclusions.keep(plan, caused_by=event.id, now=NOW),
        )
        stored = await db.tickets.find_one({"_id": second.ticket_id})
        assert (stored["state"] == "planned") == (kept is not None)
        assert stored.get("parent_id") == (None if kept else first.ticket_id)


async def test_a_ticket_that_was_left_alone_in_a_crash_is_taken_in_with_the_next(world):
    (first,) = await world.open(alert("A"))
    (crashed,) = await world.record(alert("B"), at=NOW + SECOND)
    (third,) = await world.open(alert("C"), at=NOW + 2 * SECOND)
    under = {one: parent for one, (parent, _) in (await world.under()).items()}
    assert under == {crashed.ticket_id: first.ticket_id, third.ticket_id: first.ticket_id}


async def test_a_leader_without_children_after_a_crash_leads_those_that_come(world, db):
    (first,) = await world.open(alert("A"))
    ((group, *_),) = [one.groups for one in await world.groups.members([key(first)], NOW)]
    assert await world.groups.lead(first.ticket_id, group.key, NOW)
    (second,) = await world.open(alert("B"), at=NOW + SECOND)
    assert second.parent_id == first.ticket_id
    await assert_one_level(db)


def key(recorded):
    return recorded.groups[0].key


async def test_a_group_that_another_leads_is_not_led(world):
    first, _ = await group_of(world, "A", "B")
    (other,) = await world.record(alert("C"), at=NOW + SECOND)
    assert not await world.groups.lead(other.ticket_id, key(first), NOW)


async def test_a_ticket_under_a_parent_cannot_lead(world):
    _, (child,) = await group_of(world, "A", "B")
    assert not await world.groups.lead(child.ticket_id, "another group", NOW)


async def test_a_ticket_that_led_is_put_under_none(world):
    first, _ = await group_of(world, "A", "B")
    (other,) = await world.record(alert("C", node="n8"), at=NOW)
    child = Child(first.ticket_id, other.ticket_id, "same-node", "rule same-node")
    await world.groups.put([child], NOW)
    assert first.ticket_id not in await world.under()


class LostRace(MongoGroups):
    """Another replica makes another ticket the leader after this one has looked."""

    def __init__(self, db, other):
        super().__init__(db)
        self._other = other

    async def lead(self, ticket_id, key, now):
        other, self._other = self._other, None
        if other is not None:
            await super().lead(other, key, now)
        return await super().lead(ticket_id, key, now)


async def test_a_replica_that_lost_the_race_for_the_lead_joins_the_winner(world, db):
    opened = await world.record(alert("A"), alert("B"), alert("C"))
    order = sorted(opened, key=lambda one: one.ticket_id)
    groups = LostRace(db, order[1].ticket_id)
    grouped, _ = await Grouper(world.rules, groups).group([order[2]], NOW)
    under = {one: parent for one, (parent, _) in (await world.under()).items()}
    assert under == dict.fromkeys((order[0].ticket_id, order[2].ticket_id), order[1].ticket_id)
    assert grouped[0].parent_id == under.get(order[2].ticket_id)


async def test_a_ticket_that_another_replica_took_in_first_says_so(world):
    first, second = await world.record(alert("A"), alert("B"))
    await world.grouper.group([first], NOW)
    grouped, _ = await world.grouper.group([first, second], NOW)
    parents = {one.ticket_id: one.parent_id for one in grouped if one.parent_id}
    assert parents == {one: parent for one, (parent, _) in (await world.under()).items()}
    assert len(parents) == 1


async def test_leaders_that_ended_make_room_also_when_there_are_several(world, db):
    for number in range(3):
        parent, children = await group_of(world, f"A{number}", f"B{number}")
        assert [one.parent_id for one in children] == [parent.ticket_id]
        for one in (parent, *children):
            await world.becomes(one.ticket_id, "resolved")
    await assert_one_level(db)


async def test_a_ticket_is_created_with_its_parent_and_its_older_sibling_told_of(world, bus):
    def ruled(one, _):
        return Ruling(one, groups=world.rules.memberships(one))

    told = Announcements(world.tickets, bus, lambda: NOW).told
    intake = Intake(world.tickets, FakeHistory(), bus, told, rule=ruled, grouping=world.grouper)
    await intake.take([alert("A")], NOW)
    await intake.take([alert("B")], NOW + SECOND)
    first, second = (one for one in bus.events.values() if isinstance(one, TicketCreated))
    assert (first.parent_id, second.parent_id) == (None, first.ticket_id)
    assert second.grouped_because == "rule same-node: 2 tickets in 5 minutes with labels.node = n7"


async def test_a_ticket_that_comes_back_into_a_group_is_put_under_its_parent_and_told_of(world):
    first, (second,) = await group_of(world, "A", "B")
    await world.becomes(second.ticket_id, "resolved", at=NOW)
    await world.record(alert("B", status=AlertStatus.RESOLVED), at=NOW + SECOND)
    recorded = await world.record(alert("B"), at=NOW + MINUTE)
    (back,), (event,) = await world.grouper.group(recorded, NOW + MINUTE)
    assert back.decision.value == "reopened"
    assert back.parent_id == event.parent_id == first.ticket_id


class TestRelease:
    """What becomes of children whose parent ends."""

    @pytest.fixture
    def release(self, world, bus):
        """Looks at this time."""

        async def at(now):
            return await Release(world.groups, bus, lambda: now).sweep()

        return at

    async def test_a_child_that_still_fires_is_judged_by_itself_when_its_parent_has_ended(
        self, world, db, bus, release
    ):
        parent, (child,) = await group_of(world, "A", "B")
        await world.becomes(child.ticket_id, "triaged")
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        assert await release(LATER) == 1
        ticket = await db.tickets.find_one({"_id": child.ticket_id})
        because = "its parent A on n7 is resolved, and it still fires"
        assert ticket["state"] == "reopened"
        assert ticket["reopened"] == {"at": LATER, "reason": because, "number": 1}
        assert ticket["reopenings"] == 1
        assert ticket["announced"] is True
        assert not {"parent_id", "grouped"} & ticket.keys()
        (event,) = (one for one in bus.events.values() if isinstance(one, TicketReopened))
        assert (event.ticket_id, event.reason, event.count) == (child.ticket_id, because, 1)
        assert await release(LATER) == 0

    async def test_its_sources_are_given_time_to_notice_the_fix(self, world, release):
        parent, (child,) = await group_of(world, "A", "B")
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        assert await release(NOW + MINUTE + SETTLING - SECOND) == 0
        assert child.ticket_id in await world.under()

    @pytest.mark.parametrize("state", ["triaged", "planned", "escalated", "in_progress"])
    async def test_a_parent_that_has_not_ended_keeps_its_children(self, world, release, state):
        parent, (child,) = await group_of(world, "A", "B")
        await world.becomes(parent.ticket_id, state)
        assert await release(LATER + timedelta(days=1)) == 0
        assert child.ticket_id in await world.under()

    async def test_a_child_whose_problem_is_gone_stays(self, world, release):
        parent, (child,) = await group_of(world, "A", "B")
        await world.record(alert("B", status=AlertStatus.RESOLVED), at=NOW + MINUTE)
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        assert await release(LATER) == 0
        assert child.ticket_id in await world.under()

    @pytest.mark.parametrize("state", ["closed", "resolved", "reopened"])
    async def test_a_child_that_has_ended_or_is_to_be_judged_stays(self, world, release, state):
        parent, (child,) = await group_of(world, "A", "B")
        await world.becomes(child.ticket_id, state)
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        assert await release(LATER) == 0
        assert child.ticket_id in await world.under()

    async def test_a_child_that_fires_again_later_is_let_go_then(self, world, release):
        parent, (child,) = await group_of(world, "A", "B")
        await world.record(alert("B", status=AlertStatus.RESOLVED), at=NOW + MINUTE)
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        assert await release(LATER) == 0
        await world.record(alert("B"), at=LATER + MINUTE)
        assert await release(LATER + MINUTE) == 1
        assert child.ticket_id not in await world.under()

    @pytest.mark.parametrize("state", ["resolved", "closed", "reopened"])
    async def test_a_child_that_changed_meanwhile_is_not_let_go(self, world, release, state):
        parent, (child,) = await group_of(world, "A", "B")
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        (ended,) = [one async for one in world.groups.ended(LATER)]
        (one,) = await world.groups.left_behind(ended, 9)
        await world.becomes(child.ticket_id, state)
        assert not await world.groups.release(one, LATER)
        assert child.ticket_id in await world.under()

    async def test_a_parent_without_open_children_is_looked_at_no_more(self, world, db, release):
        parent, (child,) = await group_of(world, "A", "B")
        await world.becomes(parent.ticket_id, "closed", at=NOW + MINUTE)
        await world.becomes(child.ticket_id, "resolved", at=NOW + MINUTE)
        await release(LATER)
        assert "led_at" not in await db.tickets.find_one({"_id": parent.ticket_id})

    async def test_replicas_that_look_at_once_let_a_child_go_once(self, world, bus, release):
        parent, children = await group_of(world, "A", "B", "C", "D")
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        released = await asyncio.gather(*(release(LATER) for _ in range(6)))
        assert sum(released) == len(children)
        assert bus.subjects.count(TicketReopened.subject) == len(children)

    async def test_what_was_let_go_and_not_told_is_announced(self, world, db, bus, release):
        parent, (child,) = await group_of(world, "A", "B")
        await world.becomes(parent.ticket_id, "resolved", at=NOW + MINUTE)
        await release(NOW + MINUTE)
        bus.down = True
        with pytest.raises(UnavailableError):
            await release(LATER)
        bus.down = False
        announcements = Announcements(world.tickets, bus, lambda: LATER + OVERDUE + SECOND)
        await announcements.sweep()
        (event,) = (one for one in bus.events.values() if isinstance(one, TicketReopened))
        assert event.ticket_id == child.ticket_id
        assert event.reason == "its parent A on n7 is resolved, and it still fires"

    async def test_a_grouping_that_was_not_told_is_told_once(self, world, bus, release):
        three = await MongoWorld(world.db, rule(at_least=3)).prepare()
        parent, children = await group_of(three, "A", "B", "C")
        for _ in range(2):
            await release(NOW + 10 * SECOND)
        assert bus.subjects == [TicketUpdated.subject] * 2
        told = {event.ticket_id: event.parent_id for event in bus.events.values()}
        assert told == dict.fromkeys((one.ticket_id for one in children), parent.ticket_id)

    async def test_a_new_ticket_that_a_repeat_told_of_before_it_was_grouped_is_told_of_again(
        self, world, bus, release
    ):
        (parent,) = await world.open(alert("A"))
        (child,) = await world.record(alert("B"), at=NOW + SECOND)
        # Another replica takes in the same alert before this one has grouped its ticket.
        (repeat,) = await world.record(alert("B"), at=NOW + SECOND)
        (created, _) = events_of(repeat, NOW + SECOND, new_id=uuid4)
        assert (created.subject, created.parent_id) == (TicketCreated.subject, None)
        await world.grouper.group([child], NOW + SECOND)
        await release(NOW + 10 * SECOND)
        (event,) = bus.events.values()
        assert (event.change, event.ticket_id) == (Change.GROUPED, child.ticket_id)
        assert event.parent_id == parent.ticket_id

    async def test_the_same_grouping_is_told_with_the_same_id(self, world, bus, release):
        three = await MongoWorld(world.db, rule(at_least=3)).prepare()
        await group_of(three, "A", "B")
        recorded = await three.record(alert("C"), at=NOW + 2 * SECOND)
        _, (event,) = await three.grouper.group(recorded, NOW + 2 * SECOND)
        await release(NOW + 10 * SECOND)
        told = [one.id for one in bus.events.values() if one.ticket_id == event.ticket_id]
        assert told == [event.id]


async def test_children_are_found_by_an_index_however_many_tickets_there_are(world, db):
    parent, _ = await group_of(world, "A", "B")
    plan = await db.tickets.find({"parent_id": parent.ticket_id}).explain()
    assert "parent_state" in str(plan["queryPlanner"]["winningPlan"])
    asked = {"groups.key": {"$in": [key(parent)]}, "parent_id": None}
    plan = await db.tickets.find({"$or": [asked, {"leads_groups": {"$in": ["x"]}}]}).explain()
    winning = str(plan["queryPlanner"]["winningPlan"])
    assert "groups_key" in winning
    assert "leads_groups" in winning
    assert "COLLSCAN" not in winning
