"""What fires again: counted, reopened, a new ticket, or known to flap."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.ingest.comeback import Held, Move, ReturnRules, comeback, spoken
from services.ingest.ruling import Quiet, plainly
from services.ingest.sources.alertmanager import parse
from services.ingest.store import MongoTickets
from services.ingest.telling import events_of
from services.ingest.ticket import Decision, collapsed, variant
from services.ingest.webhook import Webhook
from shared.events import Change, TicketReopened, TicketUpdated
from shared.lifecycle import TicketState
from tests.ingest.payloads import body, fired, over

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
WINDOW = Quiet("patching", "kernel", NOW + timedelta(hours=1))
RULES = ReturnRules(timedelta(hours=1), 3, timedelta(minutes=30))


def minutes(number):
    return timedelta(minutes=number)


def rulings(*alerts, **changes):
    parsed = parse(Webhook("am", body(*alerts)))
    return [replace(plainly(alert, NOW), **changes) for alert in parsed]


(SAID,) = collapsed(rulings(fired()))
FIRING = frozenset({variant(SAID.alert)})
HELD = Held(
    ticket_id=uuid4(),
    state=TicketState.RESOLVED,
    firing=frozenset(),
    ended_at=NOW - minutes(10),
    closed_as_false=False,
    window="",
    comebacks=(),
    flaps_until=None,
    reopenings=0,
)
OPEN = {"state": TicketState.TRIAGED, "ended_at": None}
FALSE = {"state": TicketState.CLOSED, "closed_as_false": True}
SUPPRESSED = {"state": TicketState.CLOSED, "window": "patching"}


@pytest.mark.parametrize(
    ("held", "ruling", "move"),
    [
        ({}, {}, Move.REOPEN),
        ({"ended_at": NOW - minutes(61)}, {}, Move.RETIRE),
        ({"firing": FIRING}, {}, Move.REOPEN),
        ({"firing": FIRING, "ended_at": NOW - minutes(1)}, {}, Move.COUNT),
        ({"firing": FIRING, "ended_at": NOW - minutes(1)}, {"quiet": WINDOW}, Move.COUNT),
        ({"firing": frozenset({"another"}), "ended_at": NOW - minutes(1)}, {}, Move.REOPEN),
        ({"ended_at": NOW - minutes(1)}, {}, Move.REOPEN),
        ({**FALSE, "firing": FIRING}, {}, Move.COUNT),
        ({**FALSE, "firing": FIRING, "ended_at": NOW - minutes(30 * 60)}, {}, Move.RETIRE),
        (FALSE, {}, Move.REOPEN),
        ({}, {"opens": False}, Move.LEAVE),
        ({}, {"quiet": WINDOW}, Move.RETIRE),
        (SUPPRESSED, {"quiet": WINDOW}, Move.COUNT),
        (SUPPRESSED, {}, Move.REOPEN),
        (SUPPRESSED, {"opens": False}, Move.LEAVE),
        (OPEN, {}, Move.COME_BACK),
        (OPEN, {"opens": False}, Move.COME_BACK),
        ({**OPEN, "firing": FIRING}, {}, Move.COUNT),
    ],
    ids=[
        "resolved a while ago",
        "resolved long ago",
        "resolved a while ago, never over at its source",
        "just resolved, never over at its source",
        "just resolved, never over at its source, in a window now",
        "just resolved, another alert",
        "just resolved, and over at its source",
        "closed as false, never over",
        "closed as false, a day ago",
        "closed as false, over since",
        "may not open a ticket",
        "resolved, and in a window now",
        "suppressed, and in its window",
        "suppressed, and its window is over",
        "suppressed, and may not open a ticket",
        "open, over at its source",
        "open, over at its source, may not open another",
        "open and firing, in a race",
    ],
)
def test_what_becomes_of_it_follows_from_what_its_ticket_was(held, ruling, move):
    said = replace(SAID, ruling=replace(SAID.ruling, **ruling))
    assert comeback(replace(HELD, **held), said, NOW, RULES).move is move


@pytest.mark.parametrize(
    ("comebacks", "flaps_until", "flaps"),
    [
        ((), None, False),
        ((5,), None, False),
        ((5, 10), None, True),
        ((5, 31), None, False),
        ((), NOW + minutes(1), True),
        ((), NOW - minutes(1), False),
    ],
)
def test_what_comes_back_too_often_within_the_time_flaps(comebacks, flaps_until, flaps):
    at = tuple(NOW - minutes(number) for number in comebacks)
    held = replace(HELD, comebacks=at, flaps_until=flaps_until)
    assert bool(comeback(held, SAID, NOW, RULES).flapping) is flaps


@pytest.mark.parametrize(
    ("span", "words"),
    [(30, "30 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours")],
)
def test_spans_are_told_in_words(span, words):
    assert spoken(timedelta(seconds=span)) == words


@pytest.fixture
async def tickets(db):
    store = MongoTickets(db, RULES)
    await store.prepare()
    return store


async def say(tickets, *alerts, now=NOW, **changes):
    return await tickets.record(collapsed(rulings(*alerts, **changes)), now)


async def end(db, at, state="resolved"):
    ended = {"state": state, f"{state}_at": at}
    await db.tickets.update_many({"state": {"$ne": state}}, {"$set": ended})


def told(recorded, now=NOW):
    events = events_of(recorded, now, new_id=uuid4)
    return [one.change if isinstance(one, TicketUpdated) else one.subject for one in events]


async def test_a_resolved_ticket_is_reopened_by_what_fires_within_the_time(tickets, db):
    (first,) = await say(tickets, fired())
    await say(tickets, over(), now=NOW + minutes(5))
    await end(db, NOW + minutes(5))
    (back,) = await say(tickets, fired(), now=NOW + minutes(20))
    assert (back.ticket_id, back.decision) == (first.ticket_id, Decision.REOPENED)
    assert (back.state, back.count, back.gone) == (TicketState.REOPENED, 2, False)
    assert back.because == "it fires again 15 minutes after its ticket was resolved"
    assert told(back) == ["ticket.reopened"]
    ticket = await db.tickets.find_one()
    assert ticket["reopened"]["number"] == 1
    assert "resolved_at" not in ticket


async def test_each_reopening_is_an_event_of_its_own_and_the_same_when_told_again(tickets, db):
    await say(tickets, fired())
    ids = []
    for number in (1, 2):
        at = NOW + minutes(number * 40)
        await say(tickets, over(), now=at)
        await end(db, at)
        (back,) = await say(tickets, fired(), now=at + minutes(5))
        (again,) = await tickets.unannounced(at + minutes(6), 10)
        (event,), (same,) = (events_of(one, at, new_id=uuid4) for one in (back, again))
        assert isinstance(event, TicketReopened)
        assert (event.id, event.reason) == (same.id, same.reason)
        ids.append(event.id)
    assert ids[0] != ids[1]


async def test_a_reopened_ticket_that_was_told_of_is_announced_no_more(tickets, db):
    (first,) = await say(tickets, fired())
    await tickets.announced([first])
    await end(db, NOW + minutes(5))
    await say(tickets, fired(instance="x"), now=NOW + minutes(10))
    (back,) = await say(tickets, fired(), now=NOW + minutes(10))
    unannounced = await tickets.unannounced(NOW + minutes(20), 10)
    assert back.ticket_id in {one.ticket_id for one in unannounced}
    await tickets.announced(unannounced)
    assert await tickets.unannounced(NOW + minutes(20), 10) == []


async def test_long_after_its_end_it_is_a_new_ticket(tickets, db):
    (first,) = await say(tickets, fired())
    await end(db, NOW)
    (second,) = await say(tickets, fired(), now=NOW + minutes(90))
    assert (second.decision, second.count) == (Decision.OPENED, 1)
    assert second.ticket_id != first.ticket_id
    old = await db.tickets.find_one({"_id": first.ticket_id})
    assert (old["count"], "open_fingerprint" in old) == (1, False)


async def test_a_false_alarm_that_goes_on_counts_and_is_not_told_of(tickets, db):
    await say(tickets, fired())
    await end(db, NOW, "closed")
    await db.tickets.update_one({}, {"$set": {"verdict": {"verdict": "false"}}})
    (again,) = await say(tickets, fired(), now=NOW + minutes(5))
    assert (again.decision, again.state, again.count) == (
        Decision.REPEATED,
        TicketState.CLOSED,
        2,
    )
    assert "false alarm" in again.because
    assert told(again) == []


async def test_what_comes_and_goes_is_one_ticket_that_says_so_until_it_is_calm(tickets):
    ids, tellings = set(), []
    for number in range(3):
        (one,) = await say(tickets, fired(), now=NOW + minutes(4 * number))
        ids.add(one.ticket_id)
        tellings.append(told(one)[-1])
        (gone,) = await say(tickets, over(), now=NOW + minutes(4 * number + 2))
    assert len(ids) == 1
    assert tellings == ["ticket.created", Change.REPEATED, Change.REPEATED]
    (one,) = await say(tickets, fired(), now=NOW + minutes(12))
    assert told(one)[-1] is Change.FLAPPING
    assert one.flapping == "it came back 3 times within 30 minutes"
    (gone,) = await say(tickets, over(), now=NOW + minutes(14))
    assert (gone.gone, told(gone)) == (True, ["ticket.created", Change.FLAPPING])
    assert await tickets.calm(NOW + minutes(41), 10) == []
    (calm,) = await tickets.calm(NOW + minutes(43), 10)
    assert (calm.ticket_id, calm.gone) == (one.ticket_id, True)
    await tickets.calmed(calm.ticket_id, NOW + minutes(43))
    assert await tickets.calm(NOW + minutes(43), 10) == []


async def test_a_ticket_in_a_maintenance_window_is_closed_as_it_is_opened(tickets, db):
    (one,) = await say(tickets, fired(), quiet=WINDOW)
    assert (one.decision, one.state) == (Decision.SUPPRESSED, TicketState.CLOSED)
    assert told(one) == ["ticket.created", "ticket.closed"]
    (again,) = await say(tickets, fired(), now=NOW + minutes(5), quiet=WINDOW)
    assert (again.ticket_id, again.decision, again.count) == (one.ticket_id, one.decision, 2)
    assert told(again) == []
    (found,) = await tickets.unannounced(NOW + minutes(5), 10)
    assert told(found) == ["ticket.created", "ticket.closed"]
    assert (await db.tickets.find_one())["suppressed"]["reason"] == "kernel"


async def test_what_may_not_open_a_ticket_counts_on_one_that_is_there(tickets):
    assert await say(tickets, fired(), opens=False, because="no") == []
    (opened,) = await say(tickets, fired())
    (counted,) = await say(tickets, fired(), opens=False)
    assert (counted.ticket_id, counted.count) == (opened.ticket_id, 2)
    (noted,) = await say(tickets, over(), opens=False)
    assert noted.decision is Decision.RESOLVED
    (back,) = await say(tickets, fired(), opens=False)
    assert (back.ticket_id, back.gone) == (opened.ticket_id, False)


async def test_a_variant_of_any_name_is_kept_as_it_is(tickets, db):
    def odd(*alerts):
        found = rulings(*alerts)
        return [replace(one, alert=one.alert.model_copy(update={"variant": "$x"})) for one in found]

    await tickets.record(collapsed(odd(fired())), NOW)
    for alert in (over(), fired()):
        (one,) = await tickets.record(collapsed(odd(alert)), NOW)
    assert (one.gone, (await db.tickets.find_one())["firing"]) == (False, ["$x"])


async def test_a_note_that_comes_late_does_not_hide_a_reopening(tickets, db):
    (first,) = await say(tickets, fired())
    await end(db, NOW + minutes(5))
    (back,) = await say(tickets, fired(), now=NOW + minutes(10))
    await tickets.announced([first])
    (found,) = await tickets.unannounced(NOW + minutes(20), 10)
    assert found.reopenings == back.reopenings == 1


async def test_a_window_leaves_a_ticket_that_is_open_as_it_is_and_says_so(tickets):
    (opened,) = await say(tickets, fired())
    (counted,) = await say(tickets, fired(), quiet=WINDOW)
    assert (counted.ticket_id, counted.decision) == (opened.ticket_id, Decision.REPEATED)
    assert counted.because == "the maintenance window patching leaves open tickets be"


async def test_what_began_and_ended_at_once_may_do_what_its_beginning_may(tickets):
    changes = {"opens": False, "because": "no"}
    (began,), (ended,) = rulings(fired(), **changes), rulings(over())
    assert await tickets.record(collapsed([began, ended]), NOW) == []
    (began,) = rulings(fired(), quiet=WINDOW)
    (one,) = await tickets.record(collapsed([began, ended]), NOW)
    assert (one.decision, one.state, one.gone) == (Decision.SUPPRESSED, TicketState.CLOSED, True)


async def test_a_window_changes_nothing_of_an_open_ticket_whatever_is_said_at_once(tickets, db):
    worse = fired(severity="warning")
    (opened,) = await say(tickets, fired(), worse)
    (one,) = await say(tickets, over(), worse, now=NOW + minutes(5), quiet=WINDOW)
    ticket = await db.tickets.find_one()
    assert (one.ticket_id, one.count) == (opened.ticket_id, 3)
    assert ticket["state"] == "new"
    assert not {"suppressed", "closed_at"} & ticket.keys()


async def test_two_who_find_a_problem_back_at_once_count_one_comeback(tickets, db):
    await say(tickets, fired())
    await say(tickets, over())
    both = await asyncio.gather(*(say(tickets, fired(), now=NOW + minutes(1)) for _ in range(2)))
    assert max(one.count for (one,) in both) == 3
    assert len((await db.tickets.find_one())["comebacks"]) == 1
