"""Who is told of what was said in their name."""

import asyncio
from datetime import timedelta

import pytest

from services.notifier.channels.email import EmailMessenger
from services.notifier.delivery import Postman
from services.notifier.inadvance.herald import Herald
from services.notifier.links import Channel
from shared.standing.store import MongoStanding
from tests.notifier.builders import ALICE, BOB, NOW, SIGNER
from tests.notifier.fakes import Clock
from tests.standing.words import STRANGER, delegation, window

HANDED = {"signer": SIGNER, "since": NOW, "by": ALICE.email, "of": ALICE.email, "to": BOB.email}
ALLOWED = {"signer": SIGNER, "since": NOW, "by": ALICE.email, "runbook": "restart"}


@pytest.fixture
async def words(db):
    await db.get_collection("standing").delete_many({})
    return MongoStanding(db)


@pytest.fixture
def herald(words, mailer, clock):
    post = Postman({Channel.EMAIL: EmailMessenger(mailer)})
    return Herald(words, SIGNER, (ALICE, BOB), post, clock)


@pytest.mark.parametrize("channel", ["email", "chat", "terminal"])
@pytest.mark.parametrize(
    "about",
    [
        (delegation(**HANDED), "Bob answers for you"),
        (window(**ALLOWED), "steps of restart up to high"),
    ],
    ids=["delegation", "window"],
)
async def test_the_person_is_told_once_however_it_was_said(herald, words, mailer, channel, about):
    said, told = about
    said = SIGNER.signed_standing(said.model_copy(update={"channel": channel}))
    await words.add(said)
    await herald.look()
    await herald.look()
    (mail,) = mailer.mails
    assert mail.to.email == ALICE.email
    assert told in mail.subject
    for text in (mail.text, mail.html):
        assert f"handrail approvals end {said.mark}" in text
        assert "Ticket" not in text


async def test_the_person_is_told_who_ended_it(herald, words, mailer):
    said = delegation(**HANDED)
    await words.add(said)
    await herald.look()
    await words.end(said.id, by="eve", at=NOW + timedelta(minutes=1))
    await herald.look()
    await herald.look()
    made, ended = mailer.mails
    assert ended.subject.startswith("Ended: Bob answers for you")
    assert "eve ended it" in ended.text
    assert (made.id != ended.id, made.thread == ended.thread) == (True, True)


async def test_both_is_told_where_it_was_ended_at_once(herald, words, mailer):
    said = window(**ALLOWED)
    await words.add(said)
    await words.end(said.id, by=ALICE.email, at=NOW)
    await herald.look()
    await herald.look()
    assert [mail.subject.partition(":")[0] for mail in mailer.mails] == [
        "Said in your name",
        "Ended",
    ]


async def test_what_is_said_by_a_login_is_told_to_whom_it_may_stand_for(herald, words, mailer):
    await words.add(window(**{**ALLOWED, "by": "alice"}))
    await words.add(window(**{**ALLOWED, "by": "root"}))
    await herald.look()
    assert mailer.sent_to() == [ALICE.email]
    assert await words.untold(NOW) == []


async def test_it_is_told_later_where_no_server_takes_the_mail(herald, words, mailer, clock):
    mailer.delays.add(ALICE.email)
    await words.add(delegation(**HANDED))
    await herald.look()
    mailer.delays.clear()
    await herald.look()
    assert mailer.mails == []
    clock.now += timedelta(minutes=1)
    await herald.look()
    assert mailer.sent_to() == [ALICE.email]


async def test_many_replicas_tell_once(words, mailer):
    post = Postman({Channel.EMAIL: EmailMessenger(mailer)})
    clocks = [Clock(NOW + timedelta(milliseconds=number)) for number in range(5)]
    replicas = [Herald(words, SIGNER, (ALICE, BOB), post, clock) for clock in clocks]
    await words.add(delegation(**HANDED))
    await asyncio.gather(*(each.look() for each in replicas))
    assert mailer.sent_to() == [ALICE.email]


async def test_of_what_nobody_signed_nobody_is_told(herald, words, mailer):
    await words.add(delegation(**{**HANDED, "signer": STRANGER}))
    await herald.look()
    assert mailer.mails == []
