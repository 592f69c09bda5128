"""Channels by which nothing comes back: webhook, Teams, PagerDuty, apprise."""

import hashlib
import hmac
import json
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.notifier.channels.apprise import AppriseMessenger
from services.notifier.channels.http import Http
from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.messenger import NotConcernedError, RefusedError
from services.notifier.channels.pagerduty import PagerDutyMessenger
from services.notifier.channels.plain import text_of, title_of
from services.notifier.channels.store import MongoIncidents
from services.notifier.channels.teams import TeamsMessenger
from services.notifier.channels.webhook import WebhookMessenger
from services.notifier.delivery import Postman
from services.notifier.recipients import Recipient
from shared.errors import SettingsError, UnavailableError
from shared.lifecycle import ApprovalState
from tests.notifier.builders import NOW, TICKET_ID, approval, choice, escalated, news, resolved
from tests.notifier.channels.fakes import FakePosts
from tests.notifier.channels.server import other_system
from tests.notifier.fakes import FakeQuestions

ROOM = Recipient.room("hook")
LINK = "https://handrail.example.org/a/token"
EVIL = "<b>**x**</b> [l](https://evil.example.net) <at>everyone</at>"


def asking(to=ROOM, **changes) -> Asking:
    return Asking(approval(**changes), to, LINK)


def several(count) -> list[Asking]:
    """Questions that come together, each with its own link."""
    return [Asking(approval(approval_id=UUID(int=n)), ROOM, f"{LINK}{n}") for n in range(count)]


def telling(event=None, to=ROOM) -> Telling:
    return Telling(news(event or resolved()), to)


@pytest.fixture
async def other():
    async with other_system() as made:
        yield made


@pytest.fixture
async def http():
    made = Http("hook")
    yield made
    await made.close()


# Plain text.


def test_a_message_in_plain_text_says_all_that_one_has_to_know():
    message = asking()
    assert title_of(message) == (
        "[P1] Approve? Restart shop-api on web-1: shop-api is down on web-1"
    )
    for part in ("Where: web-1, over ssh", "systemctl restart shop-api", "Risk: high", LINK):
        assert part in text_of(message)


def test_what_else_runs_and_what_it_would_change_is_said_and_cut_before_the_link():
    text = text_of(asking(check="test -e /x", dry_run="1 to destroy\n" + "x" * 9000))
    for part in ("test -e /x", "What takes it back:\nsystemctl stop", "1 to destroy", LINK):
        assert part in text
    assert len(text) < 4000


def test_a_link_in_a_room_is_for_looking_and_a_persons_own_for_answering():
    own = Recipient(name="Alice", email="alice@example.org", via="hook")
    assert f"Look (answer by your own link or button): {LINK}" in text_of(asking())
    assert f"Read it and answer: {LINK}" in text_of(asking(own))


def test_a_title_is_one_line_whatever_stands_in_it():
    message = asking(title="down\nApproved by the manager", ticket_title="x\u2028y")
    assert "\n" not in title_of(message)
    assert "\u2028" not in title_of(message)


def test_a_choice_lists_what_could_be_done():
    text = text_of(Asking(choice(), ROOM, LINK))
    assert "move-api: Move the API" in text
    assert "cannot be used: parameter count" in text


# The webhook.

SECRETS = [SecretStr("new"), SecretStr("old")]


@pytest.fixture
def hook(other, http):
    posts = FakePosts(FakeQuestions(None))
    return WebhookMessenger(f"{other.url}/h?x=1", SECRETS, http, posts)


def verified(headers, body, secret) -> bool:
    """As docs/channels.md tells receivers to do it."""
    parts = [part.split("=", 1) for part in headers["Handrail-Signature"].split(",")]
    at = dict(parts)["t"]
    expected = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(mac, expected) for name, mac in parts if name == "v1")


async def test_each_body_is_signed_under_every_secret(hook, other):
    await hook.ask(asking(), now=NOW)
    ((path, headers, body),) = other.posts
    assert path == "/h"
    assert verified(headers, body, b"new")
    assert verified(headers, body, b"old")
    assert not verified(headers, body + b" ", b"new")
    assert not verified(headers, body, b"other")


async def test_a_question_comes_whole_and_without_what_is_only_ours(hook, other):
    await hook.ask(asking(), now=NOW)
    said = json.loads(other.posts[0][2])
    assert (said["type"], said["link"], said["version"]) == ("question", LINK, 1)
    assert said["question"]["command"] == "systemctl restart shop-api"
    assert said["question"]["state"] == "pending"
    assert said["question"]["kind"] == "approval"
    for hidden in ("step_hash", "trace", "recipients", "signature", "routing"):
        assert hidden not in other.posts[0][2].decode()


async def test_a_question_that_was_taken_is_not_sent_again(hook, other):
    for _ in range(2):
        await hook.ask(asking(), now=NOW)
    assert len(other.posts) == 1


async def test_a_message_that_is_sent_again_has_the_same_id(hook, other):
    other.answers.append((503, {}))
    with pytest.raises(UnavailableError):
        await hook.ask(asking(), now=NOW)
    await hook.ask(asking(), now=NOW)
    first, second = (headers["Handrail-Id"] for _, headers, _ in other.posts)
    assert first == second == json.loads(other.posts[0][2])["id"]


async def test_what_was_decided_and_what_happened_is_told(hook, other):
    settled = approval().model_copy(update={"state": ApprovalState.APPROVED})
    await hook.revise(settled, ROOM)
    await hook.tell(telling(), now=NOW)
    answered, told = (json.loads(body) for _, _, body in other.posts)
    assert (answered["type"], answered["question"]["state"]) == ("answered", "approved")
    assert (told["type"], told["news"], told["ticket_id"]) == ("news", "resolved", str(TICKET_ID))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (404, RefusedError),
        (410, RefusedError),
        (401, RefusedError),
        (403, RefusedError),
        (429, UnavailableError),
        (500, UnavailableError),
        (302, UnavailableError),
    ],
)
async def test_what_a_receiver_answers_decides_between_never_and_later(hook, other, status, error):
    other.answers.append((status, {}))
    with pytest.raises(error, match=rf"^hook: answered {status}$"):
        await hook.tell(telling(), now=NOW)


async def test_no_address_is_in_an_error(http):
    with pytest.raises(UnavailableError) as error:
        await http.post("http://127.0.0.1:1/secret-token")
    assert str(error.value) == "hook: ConnectError"


# Microsoft Teams.


async def test_a_card_says_it_with_a_button_to_the_page(other, http):
    other.usual = (202, {})
    messenger = TeamsMessenger(SecretStr(f"{other.url}/workflows/x?sig=secret"), http)
    await messenger.ask(asking(title=EVIL, command=EVIL), now=NOW)
    card = json.loads(other.posts[0][2])
    (attachment,) = card["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content = attachment["content"]
    assert content["actions"][0]["url"] == LINK
    # Markup works in text blocks and facts, and there are none.
    assert {block["type"] for block in content["body"]} == {"RichTextBlock"}
    runs = [run for block in content["body"] for run in block["inlines"]]
    assert EVIL in [run["text"] for run in runs]


async def test_a_card_stays_within_what_teams_takes(other, http):
    messenger = TeamsMessenger(SecretStr(f"{other.url}/w"), http)
    long = dict.fromkeys(("command", "why", "rollback", "check", "dry_run"), "x" * 20_000)
    await messenger.ask(asking(**long), now=NOW)
    body = other.posts[0][2]
    assert len(body) < 28_000
    assert b"more characters" in body


async def test_several_questions_are_on_one_card_each_with_its_link(other, http):
    messenger = TeamsMessenger(SecretStr(f"{other.url}/w"), http)
    await messenger.gather(several(25), now=NOW)
    cards = [json.loads(body)["attachments"][0]["content"] for _, _, body in other.posts]
    assert all(len(body) < 28_000 for _, _, body in other.posts)
    links = [
        run["selectAction"]["url"]
        for card in cards
        for block in card["body"]
        for run in block["inlines"]
        if "selectAction" in run
    ]
    assert links == [f"{LINK}{n}" for n in range(25)]


# PagerDuty.


class Known:
    async def incident_of(self, ticket_id):
        return "PT4KHLK" if ticket_id == TICKET_ID else ""


@pytest.fixture
def pagerduty(other, http):
    other.usual = (201, {"note": {"id": "PWL7QXS"}})
    return PagerDutyMessenger(
        other.url, SecretStr("y_NbA"), sender="ops@example.org", http=http, incidents=Known()
    )


async def test_a_note_stands_on_the_incident_that_the_ticket_came_from(pagerduty, other):
    assert await pagerduty.tell(telling(escalated()), now=NOW) == "PWL7QXS"
    ((path, headers, body),) = other.posts
    assert path == "/incidents/PT4KHLK/notes"
    assert headers["Authorization"] == "Token token=y_NbA"
    assert headers["From"] == "ops@example.org"
    content = json.loads(body)["note"]["content"]
    assert content.startswith("Needs you: shop-api is down on web-1\n")


async def test_a_ticket_from_elsewhere_is_no_failure(pagerduty, other):
    event = resolved(ticket_id=UUID(int=99))
    with pytest.raises(NotConcernedError):
        await pagerduty.tell(telling(event), now=NOW)
    marked = []

    async def mark(recipient):
        marked.append(recipient.status)

    postman = Postman({"hook": pagerduty})
    await postman.deliver([telling(event)], now=NOW, mark=mark)
    assert (marked, other.posts) == (["skipped"], [])


@pytest.mark.parametrize(
    ("alert", "incident"),
    [
        ({"source": "pagerduty", "labels": {"incident_id": "Q1"}}, "Q1"),
        (
            {
                "source": "pd-eu",
                "labels": {"incident_id": "Q1"},
                "links": {"incident": "https://x.pagerduty.com/incidents/Q1"},
            },
            "Q1",
        ),
        ({"source": "other", "labels": {"incident_id": "Q1"}}, ""),
        ({"source": "pagerduty", "labels": {}}, ""),
        (None, ""),
    ],
)
async def test_the_incident_of_a_ticket_is_in_its_alert(db, alert, incident):
    if alert is not None:
        await db.get_collection("tickets").insert_one({"_id": TICKET_ID, "alert": alert})
    assert await MongoIncidents(db).incident_of(TICKET_ID) == incident


# apprise.


async def test_a_service_of_apprise_gets_title_and_text(other):
    url = other.url.replace("http://", "json://")
    await AppriseMessenger("phone", SecretStr(f"{url}/notify")).ask(asking(), now=NOW)
    said = json.loads(other.posts[0][2])
    assert said["title"].startswith("[P1] Approve? Restart shop-api")
    assert "systemctl restart shop-api" in said["message"]
    assert LINK in said["message"]


async def test_several_questions_come_in_few_messages_each_with_its_link(other):
    url = other.url.replace("http://", "json://")
    await AppriseMessenger("phone", SecretStr(f"{url}/notify")).gather(several(7), now=NOW)
    bodies = [json.loads(body)["message"] for _, _, body in other.posts]
    assert [body.count(LINK) for body in bodies] == [5, 2]


async def test_a_service_that_does_not_take_it_is_asked_again_later(other):
    other.usual = (500, {})
    url = other.url.replace("http://", "json://")
    with pytest.raises(UnavailableError, match="phone"):
        await AppriseMessenger("phone", SecretStr(f"{url}/secret")).tell(telling(), now=NOW)


def test_a_url_that_apprise_does_not_know_is_told_without_it():
    with pytest.raises(SettingsError, match=r"channels\.phone: ") as error:
        AppriseMessenger("phone", SecretStr("nosuch://hidden")).check()
    assert "hidden" not in str(error.value)
