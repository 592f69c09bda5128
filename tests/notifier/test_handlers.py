"""What the notifier does with events, called as plain functions."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier import links
from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.telling import Teller
from services.notifier.delivery import Postman
from services.notifier.folder import TerminalMailer
from services.notifier.handlers import ask, tell_escalated, tell_resolved, withdraw
from services.notifier.links import Channel
from shared.config.channels import WebhookChannel
from shared.errors import UnavailableError
from shared.events import NotificationFailed, NotificationSent
from shared.signing import ForgedDecisionError
from tests.notifier.builders import (
    ALICE,
    APPROVAL_ID,
    BOB,
    KEY,
    SIGNER,
    asking,
    escalated,
    finished,
    no_route,
    resolved,
    rounds,
)
from tests.notifier.fakes import FakeQuestions

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def postman(mailer, shown) -> Postman:
    return Postman(
        {
            Channel.EMAIL: EmailMessenger(mailer),
            Channel.TERMINAL: EmailMessenger(TerminalMailer(shown.append)),
        }
    )


@pytest.fixture
def asked(approvals, claims, postman, bus):
    """Delivers the request for approval, as often as it is called."""

    async def deliver(*people, **changes):
        event = asking(**{"expires_at": LATER} | changes)
        made = rounds(people, approvals, claims, postman)
        await ask(event, no_route, made, SIGNER, bus.publish)

    return deliver


@pytest.fixture
def told(questions_of_nobody, notifications, postman, bus):
    """Delivers an outcome, as often as it is called."""

    async def deliver(tell, event, *people):
        teller = Teller(Directory(people, {}), notifications, postman)
        await tell(event, questions_of_nobody, teller, bus.publish)

    return deliver


@pytest.fixture
def nobody(notifications, postman) -> Teller:
    """Tells, where nobody is there to be told."""
    return Teller(Directory((), {}), notifications, postman)


@pytest.fixture
def questions_of_nobody(bus) -> FakeQuestions:
    return FakeQuestions(bus.publish)


async def test_each_person_gets_a_mail_with_a_link_of_their_own(asked, mailer, approvals):
    await asked(ALICE, BOB)
    assert mailer.sent_to() == [ALICE.email, BOB.email]
    for mail in mailer.mails:
        token = mail.link.rsplit("/", 1)[1]
        link = links.read(token, key=KEY, now=datetime.now(UTC))
        assert (link.recipient, link.approval_id) == (mail.to.email, APPROVAL_ID)
    found = await approvals.find(APPROVAL_ID)
    assert [(to.status, to.tries) for to in found.recipients] == [("sent", 1), ("sent", 1)]


async def test_who_was_told_is_told_to_the_others(asked, bus):
    await asked(ALICE, BOB)
    assert [event.recipient for event in bus.of(NotificationSent)] == [ALICE.email, BOB.email]
    assert {event.approval_id for event in bus.of(NotificationSent)} == {APPROVAL_ID}


async def test_a_redelivery_sends_nothing_twice_and_says_the_same(asked, mailer, bus):
    await asked(ALICE, BOB)
    await asked(ALICE, BOB)
    assert mailer.sent_to() == [ALICE.email, BOB.email]
    assert len({event.id for event in bus.events}) == 2


async def test_a_redelivery_sends_only_what_is_not_yet_sent(asked, mailer, approvals):
    mailer.delays = {ALICE.email}
    with pytest.raises(UnavailableError):
        await asked(ALICE, BOB)
    assert mailer.sent_to() == [BOB.email]
    mailer.delays = set()
    await asked(ALICE, BOB)
    assert mailer.sent_to() == [BOB.email, ALICE.email]
    found = await approvals.find(APPROVAL_ID)
    assert [(to.status, to.tries) for to in found.recipients] == [("sent", 2), ("sent", 1)]


async def test_a_crash_before_publishing_still_tells_who_was_told(asked, bus, mailer):
    bus.down = True
    with pytest.raises(UnavailableError):
        await asked(ALICE)
    bus.down = False
    await asked(ALICE)
    assert mailer.sent_to() == [ALICE.email]
    assert len(bus.of(NotificationSent)) == 1


async def test_a_refused_recipient_is_told_and_the_others_go_on(asked, mailer, bus, approvals):
    mailer.refuses = {ALICE.email}
    await asked(ALICE, BOB)
    await asked(ALICE, BOB)
    assert mailer.sent_to() == [BOB.email]
    failed = bus.of(NotificationFailed)
    assert {(f.recipient, f.error) for f in failed} == {(ALICE.email, "550 no such user")}
    assert (await approvals.find(APPROVAL_ID)).recipients[0].tries == 1


async def test_where_nobody_is_configured_the_link_is_shown_on_the_terminal(asked, shown, mailer):
    await asked()
    await asked()
    (address,) = shown
    link = links.read(address.rsplit("/", 1)[1], key=KEY, now=datetime.now(UTC))
    assert (link.recipient, link.channel) == ("terminal", Channel.TERMINAL)
    assert mailer.mails == []


async def test_an_approval_that_nobody_can_answer_any_more_is_not_asked_for(asked, mailer, bus):
    await asked(ALICE, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert mailer.mails == []
    assert [event.recipient for event in bus.of(NotificationFailed)] == [ALICE.email]


async def test_an_approval_of_a_session_that_ended_is_not_asked_for(
    asked, approvals, mailer, bus, nobody
):
    await withdraw(finished(), approvals, nobody, SIGNER, bus.publish)
    await asked(ALICE)
    assert (mailer.mails, bus.events) == ([], [])


async def test_the_end_of_a_session_withdraws_its_approvals(asked, approvals, bus, nobody):
    await asked(ALICE)
    await withdraw(finished(), approvals, nobody, SIGNER, bus.publish)
    await withdraw(finished(), approvals, nobody, SIGNER, bus.publish)
    assert (await approvals.find(APPROVAL_ID)).state == "superseded"


async def test_the_approval_belongs_to_the_trace_that_asked(asked, approvals, traced):
    with traced as trace_id:
        await asked(ALICE)
    assert trace_id in (await approvals.find(APPROVAL_ID)).trace


@pytest.mark.parametrize(
    ("tell", "event"), [(tell_resolved, resolved()), (tell_escalated, escalated())]
)
async def test_an_outcome_is_told_to_each_person_once(told, mailer, bus, *, tell, event):
    mailer.delays = {BOB.email}
    with suppress(UnavailableError):
        await told(tell, event, ALICE, BOB)
    mailer.delays = set()
    for _ in range(2):
        await told(tell, event, ALICE, BOB)
    assert mailer.sent_to() == [ALICE.email, BOB.email]
    assert {e.purpose for e in bus.of(NotificationSent)} == {event.subject}
    assert len({e.id for e in bus.events}) == 2


async def test_an_outcome_that_is_no_news_any_more_is_given_up(told, mailer, bus):
    old = resolved(time=datetime.now(UTC) - timedelta(days=2))
    await told(tell_resolved, old, ALICE)
    assert mailer.mails == []
    assert [event.recipient for event in bus.of(NotificationFailed)] == [ALICE.email]


async def test_without_people_an_outcome_is_told_to_nobody(told, mailer, bus):
    await told(tell_resolved, resolved())
    assert (mailer.mails, bus.events) == ([], [])


async def test_only_those_are_asked_whom_the_policy_names(asked, mailer):
    await asked(ALICE, BOB, who=("bob@example.org",))
    assert mailer.sent_to() == [BOB.email]


async def test_who_asked_for_the_ticket_is_not_asked_about_it(asked, mailer):
    await asked(ALICE, BOB, requester=ALICE.email)
    assert mailer.sent_to() == [BOB.email]


async def test_where_nobody_may_say_yes_everybody_sees_the_question(asked, mailer):
    await asked(ALICE, requester=ALICE.email)
    assert mailer.sent_to() == [ALICE.email]


async def test_while_nobody_says_who_is_on_call_everybody_is_asked(asked, mailer):
    await asked(ALICE, BOB, who=("bob@example.org", "on-call"))
    assert mailer.sent_to() == [ALICE.email, BOB.email]


async def test_rooms_are_asked_beside_people_and_a_room_alone_is_not_enough(
    approvals, claims, postman, bus, shown
):
    said = {"kind": "webhook", "url": "https://ops.example.org/", "secret": {"env": "OPS"}}
    room = WebhookChannel.model_validate(said)
    event = asking(expires_at=LATER)
    made = rounds((), approvals, claims, postman, channels={"ops": room})
    await ask(event, no_route, made, SIGNER, bus.publish)
    found = await approvals.find(APPROVAL_ID)
    assert [to.key for to in found.recipients] == ["terminal", "ops/#ops"]
    assert len(shown) == 1


async def test_what_no_executor_asks_reaches_nobody(approvals, claims, postman, bus, mailer):
    """People would say yes to what is shown, and the signature be for what runs."""
    made = rounds((ALICE,), approvals, claims, postman)
    forged = asking(expires_at=LATER).model_copy(update={"command": "uptime"})
    with pytest.raises(ForgedDecisionError):
        await ask(forged, no_route, made, SIGNER, bus.publish)
    assert await approvals.find(APPROVAL_ID) is None
    assert mailer.sent_to() == []


async def test_a_forged_end_of_a_session_withdraws_nothing(asked, approvals, bus, nobody):
    await asked(ALICE)
    forged = finished().model_copy(update={"signature": ""})
    with pytest.raises(ForgedDecisionError):
        await withdraw(forged, approvals, nobody, SIGNER, bus.publish)
    assert (await approvals.find(APPROVAL_ID)).state == "pending"
