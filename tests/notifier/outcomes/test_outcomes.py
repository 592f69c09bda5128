"""Which outcomes are told to whom, and when: by routes, and by channels where none says."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.telling import Teller
from services.notifier.delivery import Postman
from services.notifier.links import Channel
from services.notifier.outcomes.deciding import Outcomes
from services.notifier.outcomes.release import Release
from services.notifier.outcomes.routes import OutcomeRoutes
from services.notifier.outcomes.store import LEASE, MongoHolding, MongoTickets
from services.notifier.routing.choosing import Chooser
from services.notifier.routing.matching import About, outcome_route
from services.notifier.store import MongoNotifications
from shared.config import Config
from shared.config.channels import Channels, Kind
from shared.config.routes import RouteConfig
from shared.events import Alert, NotificationSent
from shared.lifecycle import Severity
from shared.oncall.keeping import Rosters
from tests.notifier.builders import ALICE, BOB, TICKET_ID, escalated, resolved, started
from tests.notifier.fakes import Clock

MIDNIGHT = datetime(2030, 5, 3, tzinfo=UTC)
NIGHTS = {"hours": [{"days": "every day", "from": "20:00", "to": "08:00"}]}
ALERT = Alert.model_validate(
    {
        "source": "prometheus",
        "fingerprint": "f",
        "name": "DiskFull",
        "title": "shop-api is down on web-1",
        "labels": {"team": "db"},
        "status": "firing",
        "starts_at": MIDNIGHT,
    }
)


def routes(*said):
    return tuple(RouteConfig.model_validate({"name": f"r{n}", **one}) for n, one in enumerate(said))


TARGETS = Config.model_validate(
    {"targets": {"db-1": {"connector": "local", "labels": {"kind": "db"}}}}
).targets
DB = {"when": 'ticket.labels.team == "db"'}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ([{**DB, "outcomes": {}}], "r0"),
        ([DB, {"outcomes": {}}], "r1"),
        ([DB], None),
        ([{"when": 'ticket.severity == "P1"', "outcomes": {}}], None),
        ([{"when": 'ticket.severity == "P4"', "outcomes": {}}], "r0"),
        ([{"when": 'outcome.kind == "resolved"', "outcomes": {}}], "r0"),
        ([{"when": 'outcome.kind == "failed"', "outcomes": {}}], None),
        ([{"when": 'target.labels.kind == "db"', "outcomes": {}}], "r0"),
        ([{"when": 'target.name == "db-1" && runbook.name == "vacuum"', "outcomes": {}}], "r0"),
        # What is not known of an outcome does not hold.
        ([{"when": 'step.risk == "high"', "outcomes": {}}, {"outcomes": {}}], "r1"),
        ([{"when": 'question.kind == "approval"', "outcomes": {}}], None),
        ([{"when": "time.hour == 2", "timezone": "Europe/Berlin", "outcomes": {}}], "r0"),
    ],
)
def test_the_first_route_that_says_what_is_told_decides(said, name):
    about = About(Severity.P4, "t", ALERT, "vacuum", "db-1")
    found = outcome_route(routes(*said), about, "resolved", MIDNIGHT, TARGETS)
    assert (found.name if found else None) == name


@pytest.fixture
def clock():
    return Clock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
async def world(db, mailer, clock):
    """Makes a teller with routes, whose ticket is of severity P3, and what releases held news."""
    await db.get_collection("held_news").delete_many({})
    await MongoHolding(db).prepare()
    ticket = {"_id": TICKET_ID, "alert": ALERT.model_dump(mode="json"), "severity": "P3"}
    await db.get_collection("tickets").insert_one(ticket)

    def make(*said, **channels):
        made = TypeAdapter(Channels).validate_python(channels)
        directory = Directory((ALICE, BOB), made)
        chooser = Chooser(directory, {"leads": (BOB.email,)})
        holding = MongoHolding(db)
        outcomes = Outcomes(
            OutcomeRoutes.of(Config(routes=routes(*said), targets=TARGETS), chooser, Rosters()),
            MongoTickets(db),
            holding,
        )
        postman = Postman({Channel.EMAIL: EmailMessenger(mailer)})
        teller = Teller(directory, MongoNotifications(db), postman, outcomes=outcomes)
        return teller, Release(holding, teller, clock)

    return make


def night(clock, *severities):
    """A route for everything whose quiet hours are just now, for an hour."""
    hours = {"days": "every day", "from": f"{clock.now - timedelta(hours=1):%H:%M}"}
    hours["to"] = f"{clock.now + timedelta(hours=1):%H:%M}"
    quiet = {"hours": [hours], "severities": list(severities) or ["P3"]}
    return {"to": [ALICE.email], "quiet": quiet, "outcomes": {"tell": ["resolved", "escalated"]}}


async def test_a_route_says_who_is_told_of_what(world, mailer, bus, clock):
    teller, _ = world({"to": ["leads"], **DB, "outcomes": {"tell": ["started", "resolved"]}})
    await teller.tell(started().model_copy(update={"time": clock.now}), bus.publish)
    await teller.tell(resolved(time=clock.now), bus.publish)
    await teller.tell(escalated(time=clock.now), bus.publish)
    assert mailer.sent_to() == [BOB.email, BOB.email]
    assert teller.wants(Kind.STARTED)
    assert not teller.wants(Kind.NEEDS_LOOK)


async def test_where_no_route_holds_or_leads_to_anybody_the_channels_say(world, mailer, bus, clock):
    for number, said in enumerate(
        [{"when": 'ticket.name == "Other"', "outcomes": {}}, {"outcomes": {"by": ["chat"]}}]
    ):
        teller, _ = world(said, chat={"kind": "slack"}) if number == 0 else world(said)
        await teller.tell(resolved(id=UUID(int=50 + number), time=clock.now), bus.publish)
    assert sorted(mailer.sent_to()) == sorted([ALICE.email, BOB.email] * 2)


async def test_quiet_hours_hold_it_until_they_end_and_then_it_comes_once(
    *, world, mailer, bus, clock
):
    teller, release = world(night(clock))
    event = escalated(time=clock.now)
    for _ in range(2):
        await teller.tell(event, bus.publish)
        await release.look(bus.publish)
    assert mailer.mails == []
    clock.now += timedelta(hours=1, minutes=1)
    await asyncio.gather(*(release.look(bus.publish) for _ in range(4)))
    # The event comes once more, from a broken off delivery.
    await teller.tell(event, bus.publish)
    await release.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]
    assert len({one.id for one in bus.of(NotificationSent)}) == 1


async def test_other_severities_do_not_wait(world, mailer, bus, clock):
    teller, _ = world(night(clock, "P4"))
    await teller.tell(resolved(time=clock.now), bus.publish)
    assert mailer.sent_to() == [ALICE.email]


async def test_what_a_replica_left_that_died_is_told_by_another_and_not_twice(
    *, world, mailer, bus, clock, db
):
    teller, release = world(night(clock))
    await teller.tell(resolved(time=clock.now), bus.publish)
    clock.now += timedelta(hours=2)
    assert await MongoHolding(db).take(clock.now) is not None
    await release.look(bus.publish)
    assert mailer.mails == []
    clock.now += LEASE
    mailer.delays = {ALICE.email}
    await release.look(bus.publish)
    assert mailer.delayed == [ALICE.email]
    mailer.delays, clock.now = set(), clock.now + LEASE
    await release.look(bus.publish)
    clock.now += LEASE
    await release.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]
    assert await db.get_collection("held_news").count_documents({}) == 0


async def test_what_was_not_sent_before_a_crash_is_sent_after_it(world, mailer, bus, clock):
    """It dies between telling one and the other, which are kept apart."""
    teller, release = world({**night(clock), "to": []})
    await teller.tell(resolved(time=clock.now), bus.publish)
    clock.now += timedelta(hours=2)
    mailer.delays = {BOB.email}
    await release.look(bus.publish)
    mailer.delays, clock.now = set(), clock.now + LEASE
    await release.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]


async def test_news_that_waited_are_news_however_long_that_was(world, mailer, bus, clock):
    teller, release = world(night(clock))
    await teller.tell(resolved(time=clock.now - timedelta(minutes=30)), bus.publish)
    clock.now += timedelta(hours=2)
    await release.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email]


@pytest.mark.parametrize(
    ("targets", "told"),
    [(["db-1"], [ALICE.email]), (["db-1", "", "db-1"], [ALICE.email]), (["db-1", "web"], [])],
    ids=["one", "the same", "several"],
)
async def test_the_target_of_the_latest_plan_is_known_where_there_is_one(
    *, world, mailer, bus, clock, db, targets, told
):
    sessions = db.get_collection("sessions")
    await sessions.delete_many({})
    for age, steps in ((1, ["web"]), (0, targets)):
        plan = {"runbook": {"name": "vacuum"}, "steps": [{"target": one} for one in steps]}
        at = clock.now - timedelta(hours=age)
        await sessions.insert_one({"ticket_id": TICKET_ID, "created_at": at, **plan})
    route = {"when": 'target.labels.kind == "db"', "to": [ALICE.email], "outcomes": {}}
    teller, _ = world(route, {"outcomes": {"tell": []}})
    await teller.tell(resolved(time=clock.now), bus.publish)
    assert mailer.sent_to() == told
