"""The sending state machine, on the fake and on a real MongoDB: each is told, and told once."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.notifier.approval import Approval, decide
from services.notifier.channels.email import EmailMessenger
from services.notifier.delivery import Postman
from services.notifier.links import Channel
from services.notifier.recipients import Recipient
from services.notifier.routing.matching import matched
from services.notifier.routing.state import LEASE, Routing
from services.notifier.routing.store import MongoClaims
from shared.config import Person
from shared.config.routes import RouteConfig
from shared.config.schedules import ScheduleConfig
from shared.errors import UnavailableError
from shared.events import NotificationFailed, NotificationSent
from shared.oncall.keeping import Rosters
from tests.notifier.builders import ALICE, APPROVAL_ID, BOB, asking, decision, rounds
from tests.notifier.fakes import Clock

CY = Person(name="Cy", email="cy@example.org")
PEOPLE = (ALICE, BOB, CY)
TEAMS = {"leads": (CY.email,)}
MINUTE = timedelta(minutes=1)


class Hanging:
    """A mailer whose process dies in the middle of sending."""

    def __init__(self):
        self.begun = asyncio.Event()

    async def send(self, mail, *, now):
        self.begun.set()
        await asyncio.Event().wait()


@pytest.fixture
def clock():
    """As exact as MongoDB keeps it."""
    now = datetime.now(UTC)
    return Clock(now.replace(microsecond=now.microsecond // 1000 * 1000))


@pytest.fixture
def replica(approvals, claims, mailer, clock):
    """Makes one of several notifiers."""

    def make(*, mailer=mailer, **more):
        postman = Postman({Channel.EMAIL: EmailMessenger(mailer)})
        said = {"teams": TEAMS, "now": clock, **more}
        return rounds(PEOPLE, approvals, claims, postman, **said)

    return make


def routes(**said):
    made = RouteConfig.model_validate({"name": "r", "to": [ALICE.email], **said})
    return lambda event, now: matched((made,), event, {}, now)


@pytest.fixture
def asked(bus, clock):
    """Has a notifier take in the request for approval."""

    async def deliver(notifier, route, **changes):
        said = {"time": clock.now, "expires_at": clock.now + 60 * MINUTE, **changes}
        event = asking(**said)
        made = Approval.asked(event, (), now=clock.now, trace="")
        await notifier.begin(made, route(event, clock.now), bus.publish)

    return deliver


ESCALATING = {
    "escalate": [{"after": "5m", "to": [BOB.email]}, {"after": "10m", "to": ["leads"]}],
    "remind": {"every": "7m", "most": 1},
}


async def test_who_comes_next_is_told_in_time_and_everybody_once(
    replica, asked, mailer, clock, bus
):
    notifier = replica()
    await asked(notifier, routes(**ESCALATING))
    begun = clock.now
    for minute in (4, 5, 6, 7, 8, 10, 11, 30):
        clock.now = begun + minute * MINUTE
        await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email, ALICE.email, BOB.email, CY.email]
    subjects = [mail.subject for mail in mailer.mails]
    assert ["Reminder" in subject for subject in subjects] == [False, False, True, True, False]
    assert ["Nobody has answered" in subject for subject in subjects[1::3]] == [True, True]
    assert len({mail.id for mail in mailer.mails}) == 5
    assert len({event.id for event in bus.of(NotificationSent)}) == 5


async def test_of_two_replicas_at_once_one_tells(replica, asked, mailer, clock, bus):
    first, second = replica(), replica()
    route = routes(**ESCALATING)
    await asyncio.gather(*(asked(each, route) for each in (first, second)), return_exceptions=True)
    assert mailer.sent_to() == [ALICE.email]
    begun = clock.now
    for minute in (5, 7, 10):
        clock.now = begun + minute * MINUTE
        await asyncio.gather(*(each.look(bus.publish) for each in (first, second) * 3))
    assert sorted(mailer.sent_to()) == sorted(
        [ALICE.email, BOB.email, ALICE.email, BOB.email, CY.email]
    )


async def test_what_a_replica_left_that_died_is_sent_by_the_next(
    *, replica, asked, mailer, clock, bus, approvals
):
    hanging = Hanging()
    dying = asyncio.create_task(asked(replica(mailer=hanging), routes()))
    await hanging.begun.wait()
    # A kill says nothing; a cancelled task would still give its claim back.
    notifier = replica()
    await notifier.look(bus.publish)
    await asked(notifier, routes())
    assert mailer.mails == []
    clock.now += LEASE
    await notifier.look(bus.publish)
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]
    found = await approvals.find(APPROVAL_ID)
    assert [to.status for to in found.recipients] == ["sent"]
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying


async def test_a_late_replica_cannot_take_back_the_claim_of_the_next(
    replica, asked, clock, claims, approvals
):
    await asked(replica(), routes(**ESCALATING))
    clock.now += 5 * MINUTE
    seen = (await approvals.find(APPROVAL_ID)).routing
    said = {"done": (), "more": ()}
    assert await claims.take(APPROVAL_ID, seen, owner="late", now=clock.now, **said)
    clock.now += LEASE
    seen = (await approvals.find(APPROVAL_ID)).routing
    assert await claims.take(APPROVAL_ID, seen, owner="next", now=clock.now, **said)
    await claims.rest(APPROVAL_ID, "late", None)
    held = (await approvals.find(APPROVAL_ID)).routing
    assert (held.owner, held.turn) == ("next", 2)
    assert not await claims.take(APPROVAL_ID, held, owner="third", now=clock.now, **said)


async def test_nobody_is_told_of_what_was_decided(*, replica, asked, mailer, clock, bus, approvals):
    notifier = replica()
    await asked(notifier, routes(**ESCALATING))
    question = await approvals.find(APPROVAL_ID)
    after = decide(question, decision(ALICE.email), now=clock.now).question
    await approvals.record(question, after, [])
    clock.now += 30 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]


async def test_nobody_is_told_of_what_has_expired(replica, asked, mailer, clock, bus):
    notifier = replica()
    await asked(notifier, routes(**ESCALATING), expires_at=clock.now + 4 * MINUTE)
    clock.now += 30 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]


async def test_who_has_answered_needs_no_reminder(*, replica, asked, mailer, clock, bus, approvals):
    notifier = replica()
    route = routes(to=[ALICE.email, BOB.email], remind={"every": "5m", "most": 1})
    await asked(notifier, route, required=2)
    question = await approvals.find(APPROVAL_ID)
    after = decide(question, decision(ALICE.email), now=clock.now).question
    assert await approvals.record(question, after, [])
    clock.now += 5 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email, BOB.email]


async def test_a_message_that_was_delayed_is_tried_again_and_the_others_go_on(
    replica, asked, mailer, clock, bus
):
    notifier = replica()
    mailer.delays = {BOB.email}
    with pytest.raises(UnavailableError):
        await asked(notifier, routes(to=[ALICE.email, BOB.email]))
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]
    mailer.delays, clock.now = set(), clock.now + timedelta(seconds=5)
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]


async def test_what_is_held_is_sent_in_the_morning_and_not_before(
    *, replica, asked, mailer, clock, bus, approvals
):
    ends = clock.now + 3 * 60 * MINUTE
    hours = [{"from": f"{clock.now:%H:%M}", "to": f"{ends:%H:%M}"}]
    notifier = replica()
    route = routes(quiet={"hours": hours, "severities": ["P1"]})
    await asked(notifier, route, expires_at=clock.now + 12 * 60 * MINUTE)
    assert (await approvals.find(APPROVAL_ID)).recipients == ()
    clock.now += 179 * MINUTE - MINUTE
    await notifier.look(bus.publish)
    assert mailer.mails == []
    clock.now += 3 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]


IDS = [UUID(int=100 + number) for number in range(3)]
DIGEST = {"to": [ALICE.email, BOB.email], "digest": {"within": "10m", "risks": ["high"]}}


@pytest.mark.parametrize("number", [1, 2])
async def test_what_is_gathered_comes_in_one_mail_a_person(
    *, replica, asked, mailer, clock, bus, approvals, number
):
    notifiers = [replica() for _ in range(number)]
    clock.now = clock.now.replace(minute=1)
    for id_ in IDS:
        await asked(notifiers[0], routes(**DIGEST), approval_id=id_)
    assert mailer.mails == []
    clock.now += 9 * MINUTE
    for _ in range(2):
        await asyncio.gather(*(each.look(bus.publish) for each in notifiers))
    assert mailer.sent_to() == [ALICE.email, BOB.email]
    (mail, _) = mailer.mails
    assert mail.subject == "3 questions wait for your answer"
    assert mail.text.count("/a/") == mail.html.count("/a/") == 3
    for id_ in IDS:
        found = await approvals.find(id_)
        assert [(to.email, to.status) for to in found.recipients] == [
            (ALICE.email, "sent"),
            (BOB.email, "sent"),
        ]
    assert len({event.id for event in bus.of(NotificationSent)}) == 6


async def test_one_alone_comes_as_it_is(replica, asked, mailer, clock, bus):
    notifier = replica()
    await asked(notifier, routes(**DIGEST))
    clock.now += 10 * MINUTE
    await notifier.look(bus.publish)
    assert [mail.subject[:14] for mail in mailer.mails] == ["[P1] Approve? "] * 2


async def test_a_mail_for_several_that_could_not_be_sent_is_sent_later(
    replica, asked, mailer, clock, bus
):
    notifier = replica()
    clock.now = clock.now.replace(minute=1)
    for id_ in IDS:
        await asked(notifier, routes(**DIGEST), approval_id=id_)
    mailer.delays = {ALICE.email}
    clock.now += 9 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [BOB.email]
    assert mailer.delayed == [ALICE.email]
    mailer.delays, clock.now = set(), clock.now + 2 * LEASE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [BOB.email, ALICE.email]


async def test_who_takes_over_meanwhile_is_who_is_meant(replica, asked, mailer, clock, bus):
    own = {
        "layers": [
            {
                "people": [ALICE.email, BOB.email],
                "rotate": "1h",
                "starts": f"{clock.now:%Y-%m-%d}",
                "handoff": f"{clock.now:%H:%M}",
            }
        ]
    }
    rosters = Rosters({"web": ScheduleConfig.model_validate(own)})
    notifier = replica(rosters=rosters)
    route = routes(to=["on-call:web"], remind={"every": "1h", "most": 1})
    await asked(notifier, route, expires_at=clock.now + 120 * MINUTE)
    assert mailer.sent_to() == [ALICE.email]
    clock.now += 61 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email, ALICE.email]


async def test_a_route_of_a_newer_version_stops_nobody_else(
    *, replica, asked, mailer, clock, bus, approvals, claims
):
    notifier = replica()
    await asked(notifier, routes(**ESCALATING))
    await asked(notifier, routes(**ESCALATING), approval_id=UUID(int=100))
    question = await approvals.find(APPROVAL_ID)
    if isinstance(claims, MongoClaims):
        newer = {"$set": {"routing.plan": '{"name": "r", "newer": 1}'}}
        await claims._approvals.update_one({"_id": question.id}, newer)
    else:
        newer = {**question.routing.model_dump(), "plan": '{"name": "r", "newer": 1}'}
        claims._kept[question.id] = question.model_copy(update={"routing": Routing(**newer)})
    clock.now += 5 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, ALICE.email, BOB.email]


async def test_whoever_looked_before_a_round_was_over_has_to_look_again(
    replica, asked, clock, claims, approvals
):
    await asked(replica(), routes(**ESCALATING))
    seen = (await approvals.find(APPROVAL_ID)).routing
    said = {"now": clock.now, "done": ("escalate-1",), "more": ()}
    assert await claims.take(APPROVAL_ID, seen, owner="first", **said)
    await claims.rest(APPROVAL_ID, "first", clock.now)
    assert not await claims.take(APPROVAL_ID, seen, owner="second", **said)
    now_seen = (await approvals.find(APPROVAL_ID)).routing
    assert await claims.take(APPROVAL_ID, now_seen, owner="second", **said)
    assert (await approvals.find(APPROVAL_ID)).routing.done == ("ask", "escalate-1")


class Slow:
    """A mailer that takes its time, by the clock."""

    def __init__(self, mailer, clock):
        self._mailer, self._clock = mailer, clock

    async def send(self, mail, *, now):
        await self._mailer.send(mail, now=now)
        self._clock.now += 6 * MINUTE


async def test_what_comes_due_while_the_first_are_told_is_not_forgotten(
    *, replica, asked, mailer, clock, bus
):
    slow = replica(mailer=Slow(mailer, clock))
    await asked(slow, routes(**ESCALATING))
    await replica().look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]


async def test_where_nobody_was_reached_the_next_is_told_at_once_and_at_last_everybody(
    replica, asked, mailer, clock, bus
):
    notifier = replica()
    mailer.refuses = {ALICE.email, CY.email}
    await asked(notifier, routes(escalate=[{"after": "10m", "to": [CY.email]}]))
    for _ in range(5):
        await notifier.look(bus.publish)
    assert mailer.sent_to() == [BOB.email]
    failed = [event.recipient for event in bus.of(NotificationFailed)]
    assert sorted(set(failed)) == [ALICE.email, CY.email]


async def test_who_comes_next_is_not_woken_although_nobody_else_was_reached(
    replica, asked, mailer, clock, bus
):
    """Quiet hours begin a minute after it was asked."""
    begun = clock.now
    night = {"days": "every day", "from": f"{begun + MINUTE:%H:%M}"}
    night["to"] = f"{begun + 30 * MINUTE:%H:%M}"
    notifier = replica()
    mailer.delays = {ALICE.email}
    with pytest.raises(UnavailableError):
        await asked(
            notifier,
            routes(
                escalate=[{"after": "40m", "to": [BOB.email]}],
                quiet={"hours": [night], "severities": ["P1"]},
            ),
        )
    mailer.delays, mailer.refuses = set(), {ALICE.email}
    for minute in (3, 4, 10):
        clock.now = begun + minute * MINUTE
        await notifier.look(bus.publish)
    assert mailer.sent_to() == []
    clock.now = begun + 31 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [BOB.email]


async def test_who_stands_in_is_told_at_once_beside_the_route(
    replica, asked, mailer, bus, approvals
):
    notifier = replica()
    await asked(notifier, routes(to=[ALICE.email]))
    bob = Recipient(name=BOB.name, email=BOB.email, round="stand-in")
    for _ in range(2):
        await notifier.also(APPROVAL_ID, (bob,), bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]
    told = (await approvals.find(APPROVAL_ID)).recipients
    assert [(to.email, to.status) for to in told] == [(ALICE.email, "sent"), (BOB.email, "sent")]


async def test_who_stands_in_is_told_when_another_replica_is_done(
    *, replica, asked, mailer, bus, approvals, claims, clock
):
    notifier = replica()
    await asked(notifier, routes(to=[ALICE.email]))
    seen = (await approvals.find(APPROVAL_ID)).routing
    await claims.take(APPROVAL_ID, seen, owner="another", done=seen.done, more=(), now=clock())
    bob = Recipient(name=BOB.name, email=BOB.email, round="stand-in")
    telling = asyncio.create_task(notifier.also(APPROVAL_ID, (bob,), bus.publish))
    await asyncio.sleep(0)
    await claims.rest(APPROVAL_ID, "another", None)
    await telling
    assert mailer.sent_to() == [ALICE.email, BOB.email]
