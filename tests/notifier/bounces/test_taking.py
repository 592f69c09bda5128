"""Mails that come back: the recipient is marked once, and the question goes on to others."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from services.notifier.approval import Approval
from services.notifier.bounces.api import BODY_OCTETS, PATH, bounce_route
from services.notifier.bounces.returns import Returns
from services.notifier.bounces.store import MongoBounced
from services.notifier.bounces.taking import Bounces
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.reports import reports
from services.notifier.delivery import Postman
from services.notifier.links import Channel
from services.notifier.recipients import Recipient, Status
from services.notifier.routing.matching import matched
from services.notifier.routing.store import MongoClaims
from services.notifier.smtp import Server, SmtpMailer
from services.notifier.store import MongoNotifications
from shared.config.routes import RouteConfig
from shared.events import NotificationFailed, NotificationSent
from tests.notifier.bounces.notices import notice
from tests.notifier.builders import ALICE, APPROVAL_ID, BOB, KEY, asking, resolved, rounds
from tests.notifier.fakes import Clock
from tests.notifier.smtpd import mail_server
from tests.notifier.test_smtp import SENDER

RETURNS = Returns("bounces@example.org", KEY)
MINUTE = timedelta(minutes=1)
ROUTE = {
    "name": "r",
    "to": [ALICE.email],
    "escalate": [{"after": "5m", "to": [BOB.email]}],
}


@pytest.fixture
def clock():
    """As exact as MongoDB keeps it."""
    now = datetime.now(UTC)
    return Clock(now.replace(microsecond=now.microsecond // 1000 * 1000))


@pytest.fixture
async def client(db, bus, clock):
    api = FastAPI()
    api.include_router(bounce_route(Bounces(MongoBounced(db), RETURNS, bus.publish, clock)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://h") as made:
        yield made


@pytest.fixture
def notifier(db, mongo_approvals, mailer, clock):
    postman = Postman({Channel.EMAIL: EmailMessenger(mailer)})
    return rounds((ALICE, BOB), mongo_approvals, MongoClaims(db), postman, now=clock)


async def asked(notifier, bus, clock, route=ROUTE, number=1):
    """Has it take in the request for approval; several differ by their number."""
    changes = {
        "id": UUID(int=100 + number),
        "approval_id": UUID(int=number),
        "time": clock.now,
        "expires_at": clock.now + 60 * MINUTE,
    }
    event = asking(**changes)
    made = Approval.asked(event, (), now=clock.now, trace="")
    found = matched((RouteConfig.model_validate(route),), event, {}, clock.now)
    await notifier.begin(made, found, bus.publish)


def sender(email=ALICE.email, document=APPROVAL_ID, **more):
    return RETURNS.sender_of(document, Recipient(name="x", email=email, **more))


async def statuses(approvals, question=APPROVAL_ID):
    found = await approvals.find(question)
    return [(to.email, to.status) for to in found.recipients]


async def test_who_comes_next_is_asked_at_once_and_it_is_told_why(
    *, notifier, client, mongo_approvals, mailer, bus, clock
):
    await asked(notifier, bus, clock)
    for outcome in ("bounced", "known"):
        answer = await client.post(PATH, content=notice(sender()))
        assert (answer.status_code, answer.json()) == (200, {"outcome": outcome})
    assert await statuses(mongo_approvals) == [(ALICE.email, Status.BOUNCED)]
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]
    assert len({one.id for one in bus.of(NotificationFailed)}) == 1
    failed = bus.of(NotificationFailed)[0]
    assert (failed.recipient, failed.error) == (
        ALICE.email,
        "came back: 5.1.1 smtp; 550 no such user",
    )
    # Nobody is told twice when the time of the stage comes.
    clock.now += 6 * MINUTE
    await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]


async def test_where_no_stage_is_left_everybody_else_whose_yes_counts_is_asked(
    notifier, client, mailer, bus, clock
):
    await asked(notifier, bus, clock, {"name": "r", "to": [ALICE.email]})
    await client.post(PATH, content=notice(sender()))
    await notifier.look(bus.publish)
    await client.post(PATH, content=notice(sender(BOB.email)))
    for _ in range(3):
        await notifier.look(bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]


async def test_one_of_two_that_comes_back_has_nobody_asked_before_the_time(
    notifier, client, mailer, bus, clock
):
    route = ROUTE | {"to": [ALICE.email, BOB.email], "escalate": []}
    await asked(notifier, bus, clock, route)
    await client.post(PATH, content=notice(sender()))
    await notifier.look(bus.publish)
    assert sorted(mailer.sent_to()) == [ALICE.email, BOB.email]


async def test_all_questions_of_a_mail_come_back_with_it(
    *, notifier, client, mongo_approvals, mailer, bus, clock
):
    route = ROUTE | {"digest": {"within": "10m", "risks": ["high"]}}
    clock.now = clock.now.replace(minute=1)
    for number in (1, 2):
        await asked(notifier, bus, clock, route, number)
    clock.now += 9 * MINUTE
    await notifier.look(bus.publish)
    (mail,) = mailer.mails
    answer = await client.post(PATH, content=notice(sender(document=mail.tells_of)))
    assert answer.json() == {"outcome": "bounced"}
    for number in (1, 2):
        assert (ALICE.email, Status.BOUNCED) in await statuses(mongo_approvals, UUID(int=number))
    # A mail for several is claimed for a minute.
    clock.now += MINUTE
    await notifier.look(bus.publish)
    assert {mail.to.email for mail in mailer.mails[1:]} == {BOB.email}


async def test_while_people_are_told_a_server_has_to_come_again(
    *, notifier, client, db, mongo_approvals, bus, clock
):
    await asked(notifier, bus, clock)
    claimed = {"routing.claimed_until": clock.now + MINUTE, "routing.owner": "another"}
    await db.get_collection("approvals").update_one({"_id": APPROVAL_ID}, {"$set": claimed})
    assert (await client.post(PATH, content=notice(sender()))).status_code == 503
    assert await statuses(mongo_approvals) == [(ALICE.email, Status.SENT)]
    clock.now += 2 * MINUTE
    assert (await client.post(PATH, content=notice(sender()))).status_code == 200


async def test_news_that_come_back_are_told_and_no_more(client, db, bus, clock):
    to = Recipient(name="Alice", email=ALICE.email)
    event = resolved()
    kept = MongoNotifications(db)
    await kept.open(event, (to,), clock.now)
    await kept.mark(event.id, to.as_sent())
    answer = await client.post(PATH, content=notice(sender(document=event.id)))
    assert answer.json() == {"outcome": "bounced"}
    (failed,) = bus.of(NotificationFailed)
    assert (failed.ticket_id, failed.purpose) == (event.ticket_id, "ticket.resolved")
    (stored,) = await kept.open(event, (), clock.now)
    assert stored.status is Status.BOUNCED
    assert isinstance(reports(event, [stored], purpose="")[0], NotificationFailed)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (notice(sender(BOB.email)), 404),
        (notice(sender(document=UUID(int=99))), 404),
        (
            notice(
                Returns("bounces@example.org", b"?").sender_of(
                    APPROVAL_ID, Recipient(name="", email=ALICE.email)
                )
            ),
            404,
        ),
        (notice("alice@example.org"), 404),
        (b"x" * (BODY_OCTETS + 1), 413),
        (notice(sender(), action="delayed"), 200),
    ],
    ids=["who was not told", "no such question", "forged", "no address", "long", "delayed"],
)
async def test_what_did_not_come_back_changes_nothing(
    *, notifier, client, mongo_approvals, bus, clock, content, status
):
    await asked(notifier, bus, clock)
    assert (await client.post(PATH, content=content)).status_code == status
    assert await statuses(mongo_approvals) == [(ALICE.email, Status.SENT)]
    assert bus.of(NotificationFailed) == []


async def test_a_server_gets_each_mail_with_an_address_of_its_own(
    *, notifier, db, client, mongo_approvals, bus, clock
):
    async with mail_server() as inbox:
        mailer = SmtpMailer(
            Server.parse(SecretStr(f"smtp://localhost:{inbox.port}")),
            sender=SENDER,
            returns=RETURNS,
        )
        postman = Postman({Channel.EMAIL: EmailMessenger(mailer)})
        real = rounds((ALICE, BOB), mongo_approvals, MongoClaims(db), postman, now=clock)
        await asked(real, bus, clock)
        await mailer.close()
    assert inbox.senders == [sender()]
    assert inbox.mails[0]["From"].addresses[0].addr_spec == SENDER.addr_spec
    answer = await client.post(PATH, content=notice(inbox.senders[0]))
    assert answer.json() == {"outcome": "bounced"}
    assert bus.of(NotificationSent)
