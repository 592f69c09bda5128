"""News of tickets: told to those who asked, once."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.news import kind_of
from services.notifier.channels.telling import Teller
from services.notifier.delivery import Postman
from shared.config.channels import Channels, Kind
from shared.events import NotificationFailed, NotificationSent
from tests.notifier.builders import (
    ALICE,
    escalated,
    finished,
    news,
    resolved,
    started,
    step_done,
)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (started(), Kind.STARTED),
        (finished(outcome="succeeded"), Kind.SUCCEEDED),
        (finished(outcome="failed"), Kind.FAILED),
        (finished(outcome="cancelled"), None),
        (step_done("unknown"), Kind.NEEDS_LOOK),
        (step_done("failed"), None),
        (step_done("succeeded"), None),
        (resolved(), Kind.RESOLVED),
        (escalated(), Kind.ESCALATED),
    ],
)
def test_what_is_news_and_of_which_kind(event, kind):
    assert kind_of(event) is kind


@pytest.mark.parametrize(
    ("event", "headline", "summary"),
    [
        (started(), "Started: ", "The plan from restart runs now."),
        (finished(outcome="failed", reason="no step is left"), "Failed: ", "no step is left"),
        (step_done(), "Needs a look: ", "step restart ran: the target is gone"),
        (resolved(), "Resolved: ", "fixed it in 12 s"),
        (escalated(), "Needs you: ", "stopped here: the check did not pass"),
    ],
)
def test_news_say_what_and_why(event, headline, summary):
    told = news(event)
    assert told.headline == f"{headline}shop-api is down on web-1"
    assert summary in told.summary


def test_news_list_what_was_tried():
    assert news(escalated()).sections == (("What was tried", ("Restart shop-api on web-1",)),)


def teller(notifications, mailer, **channels) -> Teller:
    directory = Directory((ALICE,), TypeAdapter(Channels).validate_python(channels))
    return Teller(directory, notifications, Postman({"email": EmailMessenger(mailer)}))


async def test_only_what_is_asked_for_is_told(notifications, mailer, bus):
    quiet = teller(notifications, mailer)
    await quiet.tell(started(), bus.publish)
    assert (mailer.mails, bus.events, quiet.wants(Kind.STARTED)) == ([], [], False)
    keen = teller(notifications, mailer, email={"kind": "email", "tell": ["started"]})
    fresh = started().model_copy(update={"time": datetime.now(UTC)})
    for _ in range(2):
        await keen.tell(fresh, bus.publish)
    assert mailer.sent_to() == [ALICE.email]
    assert keen.wants(Kind.STARTED)
    assert len({event.id for event in bus.of(NotificationSent)}) == 1


async def test_a_channel_that_is_gone_from_the_file_holds_up_nobody(notifications, mailer, bus):
    hook = {"kind": "webhook", "url": "http://127.0.0.1:9", "secret": {"env": "S"}}
    await teller(notifications, mailer, hook=hook).tell(resolved(), bus.publish)
    assert mailer.sent_to() == [ALICE.email]
    (failed,) = bus.of(NotificationFailed)
    assert (failed.channel, failed.recipient) == ("hook", "#hook")
