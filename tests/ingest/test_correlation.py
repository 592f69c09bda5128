"""Which tickets are put under which, in memory and on MongoDB."""

from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.correlation.grouping import Member, decide
from services.ingest.ruling import Membership
from shared.lifecycle import TicketState
from tests.ingest.correlating import MINUTE, NOW, SECOND, FakeWorld, MongoWorld, alert, rule

OF = ['name == "Switch"', 'name.startsWith("Node")', 'labels.node == "n9"']


@pytest.fixture(params=["fake", "mongo"])
def world(request):
    """Makes a world with these rules."""
    db = request.getfixturevalue("db") if request.param == "mongo" else None

    async def with_rules(*rules):
        return FakeWorld(*rules) if db is None else await MongoWorld(db, *rules).prepare()

    return with_rules


def parents(recorded):
    return [one.parent_id for one in recorded]


async def test_the_second_ticket_goes_under_the_first(world):
    here = await world(rule())
    (first,) = await here.open(alert("Disk"))
    (second,) = await here.open(alert("Load"), at=NOW + MINUTE)
    assert first.parent_id is None
    assert second.parent_id == first.ticket_id
    assert second.grouped_because == (
        "rule same-node: 2 tickets in 5 minutes with labels.node = n7"
    )
    assert await here.under() == {second.ticket_id: (first.ticket_id, second.grouped_because)}


async def test_the_reason_of_a_rule_is_said_to_its_tickets(world):
    here = await world(rule(reason="a node takes all on it with it"))
    await here.open(alert("Disk"))
    (second,) = await here.open(alert("Load"), at=NOW + SECOND)
    assert second.grouped_because.endswith("= n7: a node takes all on it with it")


async def test_tickets_that_have_nothing_in_common_stay_alone(world):
    here = await world(rule())
    opened = await here.open(alert("Disk"), alert("Disk", node="n8"), alert("Load", node="n9"))
    assert parents(opened) == [None] * 3


async def test_too_few_tickets_make_no_group_and_the_last_one_takes_the_others_in(world):
    here = await world(rule(at_least=3))
    (first,) = await here.open(alert("A"))
    (second,) = await here.open(alert("B"), at=NOW + SECOND)
    assert await here.under() == {}
    (third,) = await here.open(alert("C"), at=NOW + 2 * SECOND)
    reason = "rule same-node: 3 tickets in 5 minutes with labels.node = n7"
    assert await here.under() == {
        second.ticket_id: (first.ticket_id, reason),
        third.ticket_id: (first.ticket_id, reason),
    }


async def test_older_tickets_that_are_put_under_a_parent_are_told_of(world):
    here = await world(rule(at_least=3))
    (first,) = await here.open(alert("A"))
    (second,) = await here.open(alert("B"), at=NOW + SECOND)
    recorded = await here.record(alert("C"), at=NOW + 2 * SECOND)
    _, (event,) = await here.grouper.group(recorded, NOW + 2 * SECOND)
    assert (event.ticket_id, event.change.value) == (second.ticket_id, "grouped")
    assert event.parent_id == first.ticket_id
    assert event.reason == "rule same-node: 3 tickets in 5 minutes with labels.node = n7"


async def test_tickets_that_are_opened_now_tell_themselves(world):
    here = await world(rule())
    recorded = await here.record(alert("A"), alert("B"), alert("C"))
    grouped, events = await here.grouper.group(recorded, NOW)
    assert events == ()
    assert len([one for one in grouped if one.parent_id]) == 2


async def test_tickets_that_began_too_far_apart_make_no_group(world):
    here = await world(rule(within="5m"))
    await here.open(alert("A"))
    (late,) = await here.open(alert("B"), at=NOW + 5 * MINUTE + SECOND)
    assert late.parent_id is None


async def test_a_group_goes_on_while_tickets_keep_coming_to_it(world):
    here = await world(rule(at_least=3))
    (first, *_) = [
        (await here.open(alert(name), at=NOW + after * SECOND))[0]
        for after, name in enumerate("ABC")
    ]
    for minute, name in ((4, "D"), (8, "E")):
        (one,) = await here.open(alert(name), at=NOW + minute * MINUTE)
        assert one.parent_id == first.ticket_id
        assert one.grouped_because == (
            "rule same-node: another ticket in 5 minutes with labels.node = n7"
        )
    (late,) = await here.open(alert("F"), at=NOW + 14 * MINUTE)
    assert late.parent_id is None


async def test_the_leader_stays_the_parent_when_its_group_comes_again(world):
    here = await world(rule())
    first, _ = sorted(
        await here.open(alert("A"), alert("B")), key=lambda one: one.parent_id is not None
    )
    (late,) = await here.open(alert("C"), at=NOW + 60 * MINUTE)
    assert late.parent_id is None
    (later,) = await here.open(alert("D"), at=NOW + 61 * MINUTE)
    under = await here.under()
    assert under[later.ticket_id][0] == under[late.ticket_id][0] == first.ticket_id


@pytest.mark.parametrize(
    ("names", "grouped"),
    [
        (["Node1", "Node2"], False),
        (["Switch", "Other"], False),
        (["Switch", "Node1"], True),
        (["Node1", "Node2", "Switch"], True),
    ],
)
async def test_conditions_count_once_however_many_tickets_meet_them(world, names, grouped):
    here = await world(rule(of=OF))
    opened = [
        (await here.open(alert(name), at=NOW + after * SECOND))[0]
        for after, name in enumerate(names)
    ]
    under = await here.under()
    assert bool(under) == grouped
    if grouped:
        reason = "rule same-node: 2 of 3 conditions in 5 minutes with labels.node = n7"
        assert under == {one.ticket_id: (opened[0].ticket_id, reason) for one in opened[1:]}


async def test_the_first_rule_that_groups_wins(world):
    here = await world(rule(name="many", at_least=9), rule(name="b"), rule(name="c", by="source"))
    (first,) = await here.open(alert("A"))
    (second,) = await here.open(alert("B"), at=NOW + SECOND)
    assert second.grouped_because.startswith("rule b:")
    (elsewhere,) = await here.open(alert("C", node="n8"), at=NOW + 2 * SECOND)
    assert elsewhere.grouped_because.startswith("rule c:")
    assert elsewhere.parent_id == first.ticket_id


async def test_what_is_under_a_parent_is_in_no_other_group(world):
    here = await world(rule(), rule(name="same-zone", by="labels.zone"))
    (first,) = await here.open(alert("A"))
    (child,) = await here.open(alert("B", zone="z"), at=NOW + SECOND)
    assert child.parent_id == first.ticket_id
    (alone,) = await here.open(alert("C", node="n8", zone="z"), at=NOW + 2 * SECOND)
    assert alone.parent_id is None
    (last,) = await here.open(alert("D", node="n9", zone="z"), at=NOW + 3 * SECOND)
    assert last.parent_id == alone.ticket_id


@pytest.mark.parametrize("state", ["planned", "in_progress", "verifying", "escalated"])
async def test_a_ticket_that_is_being_dealt_with_may_lead_and_is_put_under_none(world, state):
    here = await world(rule(at_least=3))
    (first,) = await here.open(alert("A"))
    (second,) = await here.open(alert("B"), at=NOW + SECOND)
    await here.becomes(first.ticket_id, state)
    await here.becomes(second.ticket_id, state)
    (third,) = await here.open(alert("C"), at=NOW + 2 * SECOND)
    assert {one: parent for one, (parent, _) in (await here.under()).items()} == {
        third.ticket_id: first.ticket_id
    }


@pytest.mark.parametrize("state", ["resolved", "closed"])
async def test_when_the_leader_has_ended_the_next_group_has_another(world, state):
    here = await world(rule())
    (first,) = await here.open(alert("A"))
    (child,) = await here.open(alert("B"), at=NOW + SECOND)
    await here.becomes(first.ticket_id, state)
    (second,) = await here.open(alert("C"), at=NOW + 2 * SECOND)
    assert second.parent_id is None
    (third,) = await here.open(alert("D"), at=NOW + 3 * SECOND)
    assert {one: parent for one, (parent, _) in (await here.under()).items()} == {
        child.ticket_id: first.ticket_id,
        third.ticket_id: second.ticket_id,
    }


async def test_a_ticket_that_led_is_put_under_none_even_when_it_comes_back(world):
    here = await world(rule())
    (first,) = await here.open(alert("A"))
    await here.open(alert("B"), at=NOW + SECOND)
    await here.becomes(first.ticket_id, "resolved")
    await here.open(alert("C"), at=NOW + 2 * SECOND)
    (leads,) = await here.open(alert("D"), at=NOW + 3 * SECOND)
    await here.becomes(first.ticket_id, "reopened")
    (last,) = await here.open(alert("E"), at=NOW + 4 * SECOND)
    under = await here.under()
    assert last.parent_id == leads.parent_id != first.ticket_id
    assert first.ticket_id not in under


async def test_what_no_rule_is_about_asks_the_store_nothing():
    here = FakeWorld(rule(when='labels.node == "other"'))
    opened = await here.open(alert("A"), alert("B"))
    assert parents(opened) == [None, None]
    assert here.groups.asked == 0


def member(number, *, since=NOW, state=TicketState.NEW, **known):
    return Member(
        ticket_id=UUID(int=number),
        state=state,
        created_at=since,
        since=since,
        groups=(Membership("same-node", "key"),),
        **known,
    )


def decided(*members, said=None, now=NOW):
    return decide(said or rule(), "key", members, common="node = n7", now=now)


def test_of_tickets_that_began_at_once_the_one_with_the_smallest_id_leads():
    made = decided(member(3), member(1), member(2))
    assert made.parent == UUID(int=1)
    assert list(made.children) == [UUID(int=2), UUID(int=3)]


def test_a_ticket_that_was_reopened_begins_then():
    old = Member(UUID(int=1), TicketState.REOPENED, NOW - 9 * MINUTE, NOW, member(1).groups)
    assert decided(old, member(2)).parent == UUID(int=1)
    assert decided(member(1, since=NOW - 9 * MINUTE), member(2)) is None


def test_without_anybody_who_may_be_put_under_the_leader_there_is_no_group():
    busy = member(2, state=TicketState.PLANNED, since=NOW + SECOND)
    assert decided(busy, member(1), now=NOW + SECOND) is None


def test_whoever_led_and_has_ended_makes_room():
    ended = member(1, state=TicketState.CLOSED, leads=frozenset({"key"}), has_led=True)
    made = decided(ended, member(2), member(3))
    assert (made.parent, made.newly, made.freed) == (UUID(int=2), True, UUID(int=1))


def test_whoever_led_is_never_put_under_another():
    made = decided(member(1), member(2, has_led=True), member(3))
    assert list(made.children) == [UUID(int=3)]


async def test_of_tickets_that_come_together_none_is_to_lead_and_to_be_led():
    here = FakeWorld(rule(), rule(name="same-zone", by="labels.zone"))
    await here.open(alert("Z", node="n0", zone="z"))
    together = [alert("A", zone="z"), alert("B", zone="z"), alert("C", node="n9", zone="z")]
    recorded = await here.record(*together, at=NOW + SECOND)
    fresh = {one.ticket_id: one for one in recorded}
    made = here.grouper.decided(fresh, here.groups.tickets.values(), NOW + SECOND)
    assert [one.rule for one in made] == ["same-node", "same-zone"]
    assert not {one.parent for one in made} & {child for one in made for child in one.children}


NODES, ZONES = st.sampled_from(["n1", "n2", ""]), st.sampled_from(["z1", "z2", ""])
OPENINGS = st.lists(
    st.lists(st.tuples(NODES, ZONES), min_size=1, max_size=4),
    min_size=1,
    max_size=12,
)
RULES = [
    rule(name="nodes", at_least=3, of=['labels.zone != "z2"', 'labels.zone == "z2"', "true"]),
    rule(name="node", within="3s"),
    rule(name="zone", by="labels.zone", at_least=3, within="10s"),
]
STATES = st.sampled_from(["triaged", "planned", "escalated", "resolved", "closed", "reopened"])
steadily = partial(settings, derandomize=True, database=None, deadline=None, max_examples=150)


def at_once(coroutine):
    """The answer of a coroutine that waits for nothing."""
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    return done.value.value


@steadily()
@given(OPENINGS, st.lists(st.tuples(st.integers(0, 11), STATES), max_size=8))
def test_any_order_of_openings_gives_groups_of_depth_one_with_one_leader_each(openings, changes):
    here, opened = FakeWorld(*RULES), []
    for after, places in enumerate(openings):
        at = NOW + timedelta(seconds=after)
        alerts = [
            alert(f"A{after}-{number}", node=node, zone=zone)
            for number, (node, zone) in enumerate(places)
        ]
        opened += at_once(here.open(*alerts, at=at))
        for which, state in changes:
            if which == after and opened:
                chosen = opened[which * 7 % len(opened)].ticket_id
                at_once(here.becomes(chosen, state))
    under = at_once(here.under())
    for child, (parent, reason) in under.items():
        assert parent not in under
        assert not here.groups.tickets[child].leads
        assert here.groups.tickets[parent].has_led
        assert reason.startswith("rule ")
    held = [key for one in here.groups.tickets.values() for key in one.leads]
    assert len(held) == len(set(held))


@steadily()
@given(st.permutations(range(8)), st.lists(st.integers(1, 8), min_size=8, max_size=8))
def test_all_that_come_to_a_group_have_the_same_parent_in_whatever_order(order, sizes):
    here, opened = FakeWorld(rule(at_least=2)), []
    numbers = iter(order)
    for size in sizes:
        batch = [alert(f"A{number}") for number, _ in zip(numbers, range(size), strict=False)]
        if batch:
            opened += at_once(here.open(*batch))
    under = at_once(here.under())
    assert len(under) == len(opened) - 1
    assert len({parent for parent, _ in under.values()}) == 1
