"""Feedback: by link, once a person, changed when they change their mind."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from services.notifier.channels.message import Telling
from services.notifier.door import Door
from services.notifier.feedback.api import feedback_links
from services.notifier.feedback.feedback import KEPT_OPEN, FeedbackLinks
from services.notifier.feedback.store import MongoFeedbacks
from services.notifier.links import Channel, Link, make
from services.notifier.mail import mail_of
from services.notifier.recipients import Recipient
from shared.errors import UnavailableError
from shared.events import FeedbackGiven
from tests.notifier.builders import (
    ALICE,
    BOB,
    KEY,
    NOW,
    TICKET_ID,
    approval,
    escalated,
    finished,
    link,
    news,
    resolved,
)

LINKS = FeedbackLinks(KEY, "https://handrail.example.org")
TO_ALICE = Recipient(name=ALICE.name, email=ALICE.email)
TO_BOB = Recipient(name=BOB.name, email=BOB.email)
ENDED = resolved(time=NOW)
GOOD = {"fixed": "yes", "stars": "5", "comment": "well done"}
JSON = {"Accept": "application/json"}


@pytest.fixture
async def feedbacks(db, bus):
    return MongoFeedbacks(db, bus.publish)


async def title_of(ticket_id) -> str:
    return "shop-api is <down>"


def client_of(feedbacks, clock) -> httpx.AsyncClient:
    app = FastAPI()
    door = Door("https://handrail.example.org", clock)
    app.include_router(feedback_links(feedbacks, LINKS, title_of, now=clock, door=door))
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://notifier")


@pytest.fixture
async def client(feedbacks, clock):
    async with client_of(feedbacks, clock) as client:
        yield client


def path(to=TO_ALICE) -> str:
    return httpx.URL(LINKS.link_for(to, news(ENDED))).path


async def test_the_page_asks_and_shows_what_was_said_before(client, feedbacks):
    page = (await client.get(path())).text
    assert "Was it fixed?" in page
    assert "shop-api is &lt;down&gt;" in page
    assert "You answered" not in page
    await client.post(path(), data=GOOD | {"comment": "<b>well</b>"})
    page = (await client.get(path())).text
    assert "You answered at 03:00 UTC" in page
    assert "&lt;b&gt;well&lt;/b&gt;</textarea>" in page
    assert page.count(" checked") == 2


async def test_what_is_said_is_stored_and_told(client, feedbacks, bus):
    answer = await client.post(path(), data=GOOD)
    assert "that is recorded" in answer.text
    (given,) = bus.of(FeedbackGiven)
    assert (given.ticket_id, given.by, given.fixed, given.stars, given.comment) == (
        TICKET_ID,
        ALICE.email,
        True,
        5,
        "well done",
    )


async def test_the_same_again_is_told_once_and_a_change_of_mind_is_told_too(
    client, feedbacks, clock, bus
):
    for _ in range(2):
        await client.post(path(), data=GOOD)
    clock.now += timedelta(hours=1)
    await client.post(path(), data={"fixed": "no", "stars": "1"})
    await client.post(path(TO_BOB), data=GOOD)
    assert [(each.by, each.fixed) for each in bus.of(FeedbackGiven)] == [
        (ALICE.email, True),
        (ALICE.email, False),
        (BOB.email, True),
    ]
    assert len({each.id for each in bus.of(FeedbackGiven)}) == 3
    stored = await feedbacks.of(TICKET_ID)
    assert {(each.by, each.stars) for each in stored} == {(ALICE.email, 1), (BOB.email, 5)}


@pytest.mark.parametrize(
    "data",
    [
        {"stars": "5"},
        {"fixed": "perhaps", "stars": "5"},
        {"fixed": "yes", "stars": "6"},
        {"fixed": "yes", "stars": "0"},
        {"fixed": "yes", "stars": "5", "comment": "x" * 1001},
    ],
)
async def test_what_cannot_be_read_records_nothing(client, feedbacks, bus, data):
    assert (await client.post(path(), data=data)).status_code == 422
    assert (await client.post(path(), data=data, headers=JSON)).json()["error"]
    assert (await feedbacks.of(TICKET_ID), bus.events) == ((), [])


async def test_no_other_link_is_one_for_feedback_and_all_are_answered_alike(
    client, feedbacks, clock
):
    question = make(link(approval()), key=KEY)
    wrong = Link.to(
        TICKET_ID, "feedback", NOW + KEPT_OPEN, recipient=ALICE.email, channel=Channel.EMAIL
    )
    altered = path().replace(path()[9], "~", 1)
    paths = [f"/f/{question}", f"/f/{make(wrong, key=KEY)}", altered, "/f/nonsense"]
    answers = [await client.get(each) for each in paths]
    answers += [await client.post(each, data=GOOD) for each in paths]
    clock.now = NOW + KEPT_OPEN + timedelta(seconds=1)
    answers.append(await client.get(path()))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


async def test_another_site_says_nothing_in_somebodys_name(client, feedbacks, bus):
    answer = await client.post(path(), data=GOOD, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, bus.events) == (403, [])


async def test_a_scanner_that_follows_the_link_says_nothing(client, feedbacks, bus):
    await client.get(path() + "?fixed=no&stars=1")
    assert (await feedbacks.of(TICKET_ID), bus.events) == ((), [])


async def test_what_was_recorded_while_the_bus_was_away_is_told_later(client, feedbacks, bus, db):
    bus.down = True
    assert "that is recorded" in (await client.post(path(), data=GOOD)).text
    bus.down = False
    await db.get_collection("feedback").update_many(
        {}, {"$set": {"outbox_at": NOW.replace(year=2020)}}
    )
    assert await feedbacks.sweep() == 1
    assert len(bus.of(FeedbackGiven)) == 1


class Broken:
    """A store whose server does not answer."""

    async def find(self, ticket_id, by):
        raise UnavailableError("MongoDB does not answer")

    async def record(self, said):
        raise UnavailableError("MongoDB does not answer")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_the_database_people_are_told_to_try_again(clock, method):
    async with client_of(Broken(), clock) as client:
        answer = await client.request(method, path(), data=GOOD if method == "POST" else None)
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("event", "asked"),
    [
        (resolved(), True),
        (escalated(), True),
        (resolved(resolution="source"), False),
        (escalated(tried=()), False),
        (finished(outcome="succeeded"), False),
    ],
    ids=["fixed", "tried", "gone-by-itself", "nothing-ran", "not-the-end"],
)
def test_people_are_asked_where_something_was_done_about_it(event, asked):
    assert bool(LINKS.link_for(TO_ALICE, news(event))) is asked


def test_a_room_has_no_link_of_its_own():
    assert not LINKS.link_for(Recipient.room("ops"), news(ENDED))


def test_the_mail_leads_to_the_page():
    address = LINKS.link_for(TO_ALICE, news(ENDED))
    mail = mail_of(Telling(news(ENDED), TO_ALICE, address))
    assert address in mail.text
    assert f'href="{address}"' in mail.html
    without = mail_of(Telling(news(ENDED), TO_ALICE))
    assert "Was it fixed" not in without.text + without.html
