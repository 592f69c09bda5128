"""What a session wants to know: asked by mail and page, answered once, told once."""

import html
import re
from datetime import timedelta

import pytest

from services.notifier.channels.answering import told
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.slack.blocks import question_blocks
from services.notifier.channels.telegram.words import buttons
from services.notifier.delivery import Postman
from services.notifier.desk import Desk
from services.notifier.handlers import inquire, withdraw
from services.notifier.inquiry import Inquiry, UnfitAnswerError, filled, reply
from services.notifier.links import Channel, make
from services.notifier.question import (
    AlreadyAnswered,
    AlreadyDecided,
    Expired,
    NotAsked,
    NotOffered,
    Recorded,
    expired,
)
from shared.events import NotificationSent, QuestionAnswered, Refusal
from shared.lifecycle import ApprovalState
from shared.signing import ForgedDecisionError
from tests.notifier.builders import (
    ALICE,
    APPROVAL_ID,
    BOB,
    KEY,
    NOW,
    SESSION_ID,
    SIGNER,
    finished,
    link,
    no_route,
    rounds,
)
from tests.notifier.inquiries import DIGEST, FATE, FORM, INQUIRY_ID, inquiry, replying, wondering
from tests.notifier.test_api import client_of

JSON = {"Accept": "application/json"}
SAFE = {"question_id": INQUIRY_ID, "digest": DIGEST}


@pytest.fixture
def desk(approvals, clock) -> Desk:
    return Desk(approvals, SIGNER, clock)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (replying(fate="ran"), "approved"),
        (replying(refused=True, reason="I do not know"), "rejected"),
        (replying(by="eve@example.org", refused=True, reason="no"), "rejected"),
    ],
)
def test_one_answer_settles_it_and_everybody_may_say_that_nobody_answers(said, state):
    outcome = reply(inquiry(who=(ALICE.email,)), said, now=NOW)
    assert isinstance(outcome, Recorded)
    assert (outcome.question.state, outcome.question.decisions) == (state, (said,))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (replying(by=BOB.email, fate="ran"), "answer of others is wanted here: alice@example.org"),
        (replying(by="root", channel="terminal", fate="ran"), "alice@example.org"),
    ],
)
def test_the_answer_of_somebody_who_was_not_meant_does_not_count(said, reason):
    outcome = reply(inquiry(who=(ALICE.email,)), said, now=NOW)
    assert isinstance(outcome, NotAsked)
    assert reason in outcome.reason


def test_a_team_that_is_meant_is_its_members():
    assert inquiry(who=("sre",), teams={"sre": (BOB.email,)}).who == (BOB.email,)


@pytest.mark.parametrize(
    ("fields", "given", "why"),
    [
        (FATE, {"fate": "maybe"}, "fate is one of ran, did_not_run, again"),
        (FATE, {}, "fate has to be answered"),
        (FORM, {}, "count has to be answered"),
        (FORM, {"count": "many"}, "count is no whole number"),
        (FORM, {"count": "1", "unit": "G B"}, "unit is not what is asked for"),
        (FORM, {"count": "1", "now": "perhaps"}, "now is yes or no"),
        (FORM, {"count": "1", "more": "x"}, "nobody asked for more: there is count, unit, now"),
        (FORM, {"count": "x" * 20, "unit": "1"}, "count is no whole number; unit is not what"),
    ],
)
def test_what_is_not_filled_in_as_asked_is_told_and_not_recorded(fields, given, why):
    with pytest.raises(UnfitAnswerError, match=re.escape(why)):
        filled(fields, given)
    outcome = reply(inquiry(fields), replying(**given), now=NOW)
    assert isinstance(outcome, NotOffered)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"count": " 3 "}, {"count": "3"}),
        ({"count": "3", "unit": "gb", "now": "yes"}, {"count": "3", "now": "yes"}),
        ({"count": "3", "unit": "", "now": "no"}, {"count": "3", "now": "no"}),
    ],
)
def test_what_was_left_as_it_was_is_left_to_the_plan(given, values):
    assert {each.name: each.value for each in filled(FORM, given)} == values


@pytest.mark.parametrize(
    ("question", "now", "expected"),
    [
        (expired(inquiry(), now=NOW), NOW, Expired()),
        (inquiry(), NOW + timedelta(hours=1), Expired()),
        (
            reply(inquiry(), replying(by=BOB.email, fate="ran"), now=NOW).question,
            NOW,
            AlreadyDecided(ApprovalState.APPROVED),
        ),
        (
            reply(inquiry(), replying(fate="ran"), now=NOW).question,
            NOW,
            AlreadyAnswered(replying(fate="ran")),
        ),
    ],
)
def test_an_answer_that_comes_too_late_is_told_why(question, now, expected):
    assert reply(question, replying(fate="again"), now=now) == expected


async def test_an_answer_is_signed_over_all_that_is_asked_and_told(desk, approvals, bus):
    asked = await approvals.open(inquiry())
    await desk.reply(asked, link(asked), {"fate": "ran"})
    (event,) = bus.of(QuestionAnswered)
    assert (event.question_id, event.digest, event.refusal) == (INQUIRY_ID, DIGEST, None)
    assert (event.session_id, event.step_id) == (SESSION_ID, "restart")
    SIGNER.check_reply(event.reply, **SAFE)
    with pytest.raises(ForgedDecisionError):
        SIGNER.check_reply(event.reply, question_id=INQUIRY_ID, digest="another")
    stored = await approvals.find(INQUIRY_ID)
    assert isinstance(stored, Inquiry)
    # As it is stored, the signature still holds.
    SIGNER.check_reply(stored.decisions[0], **SAFE)
    assert (stored.fields, stored.state) == (FATE, "approved")


async def test_that_nobody_answers_is_signed_with_who_said_so_and_why(desk, approvals, bus):
    asked = await approvals.open(inquiry())
    await desk.refuse(asked, link(asked), reason="it is gone")
    (event,) = bus.of(QuestionAnswered)
    assert (event.refusal, event.reply.refused) == (Refusal.REJECTED, True)
    assert event.reply.reason == "it is gone"
    SIGNER.check_reply(event.reply, **SAFE)


async def test_what_nobody_answered_in_time_is_told_once_and_signed(desk, approvals, bus, clock):
    asked = await approvals.open(inquiry())
    clock.now = asked.expires_at
    await desk.expire()
    await desk.expire()
    (event,) = bus.of(QuestionAnswered)
    assert (event.refusal, event.reply) == (Refusal.EXPIRED, None)
    SIGNER.check_expiry(event.signature, approval_id=INQUIRY_ID, step_hash=DIGEST)


async def test_a_link_that_was_shown_to_a_room_answers_nothing(desk, approvals, bus):
    asked = await approvals.open(inquiry())
    room = link(asked, "#ops", Channel.ROOM)
    assert isinstance(await desk.reply(asked, room, {"fate": "ran"}), NotAsked)
    assert isinstance(await desk.refuse(asked, room, reason="no"), NotAsked)
    assert bus.events == []


@pytest.mark.parametrize("fields", [FATE, FORM])
async def test_everybody_is_asked_once_by_mail_however_often_it_comes(
    approvals, claims, mailer, bus, clock, *, fields
):
    postman = Postman({"email": EmailMessenger(mailer)})
    asking = rounds((ALICE, BOB), approvals, claims, postman, now=clock)
    for _ in range(2):
        await inquire(wondering(fields), no_route, asking, SIGNER, bus.publish)
    assert sorted(mailer.sent_to()) == [ALICE.email, BOB.email]
    (mail, _) = mailer.mails
    assert "Look there, then say <b>what</b> became of it." in mail.text
    assert "&lt;b&gt;what&lt;/b&gt;" in mail.html
    assert mail.link in mail.text
    if fields is FATE:
        assert "systemctl restart shop-api" in mail.text
        assert mail.subject == "[P1] What became of this command? shop-api is down on web-1"
    assert {e.purpose for e in bus.of(NotificationSent)} == {"question"}


async def test_a_session_that_ended_asks_nobody_any_more(approvals, bus, desk):
    asked = await approvals.open(inquiry())
    await withdraw(finished(), approvals, _Silent(), SIGNER, bus.publish)
    assert (await approvals.find(INQUIRY_ID)).state == "superseded"
    assert isinstance(await desk.reply(asked, link(asked), {"fate": "ran"}), AlreadyDecided)
    late = await approvals.open(inquiry(question_id=APPROVAL_ID))
    assert late.state == "superseded"
    assert bus.of(QuestionAnswered) == []


class _Silent:
    async def tell(self, event, publish):
        """Nobody wants to hear of it."""


@pytest.fixture
async def client(approvals, clock):
    async with client_of(approvals, clock) as client:
        yield client


def path(of, *recipient) -> str:
    return "/a/" + make(link(of, *recipient), key=KEY)


async def test_the_page_shows_what_is_asked_and_a_field_for_each(client, approvals):
    asked = await approvals.open(inquiry(FORM))
    page = (await client.get(path(asked))).text
    for shown in ("How many?", "At once?", 'name="value.unit" value="gb"', "in 1 hour"):
        assert shown in page
    assert "<b>what</b>" not in page
    assert re.search(r'value="no" checked', page)
    assert "<script" not in page


async def test_the_page_of_a_lost_command_shows_it_and_what_may_have_become_of_it(
    client, approvals
):
    asked = await approvals.open(inquiry())
    page = (await client.get(path(asked))).text
    for shown in ("systemctl restart shop-api", "It ran and did its work", "Run it again", "web-1"):
        assert shown in page
    assert "checked" not in re.findall(r"<form.*?</form>", page, re.DOTALL)[0]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_a_scanner_that_follows_the_link_answers_nothing(client, approvals, bus, method):
    asked = await approvals.open(inquiry())
    for query in ("", "?value.fate=ran", "?refuse=yes&reason=no"):
        await client.request(method, path(asked) + query)
    found = await approvals.find(INQUIRY_ID)
    assert (found.state, found.decisions, bus.events) == ("pending", (), [])


async def test_a_form_records_one_answer_and_the_next_person_is_told(client, approvals, bus):
    asked = await approvals.open(inquiry())
    first = await client.post(path(asked), data={"value.fate": "did_not_run"})
    assert first.status_code == 200
    assert "Your answer is recorded: fate: It did not run" in html.unescape(first.text)
    assert "<form" not in first.text
    second = await client.post(path(asked, BOB.email), data={"value.fate": "ran"})
    assert second.status_code == 409
    assert "Your answer was not recorded" in second.text
    (event,) = bus.of(QuestionAnswered)
    assert event.reply.values[0].value == "did_not_run"


async def test_what_a_person_filled_in_stays_in_the_form_when_some_of_it_is_wrong(
    client, approvals, bus
):
    asked = await approvals.open(inquiry(FORM))
    form = {"value.count": "many", "value.unit": "tb", "value.now": "yes"}
    answer = await client.post(path(asked), data=form)
    assert answer.status_code == 422
    assert "count is no whole number" in answer.text
    assert 'name="value.unit" value="tb"' in answer.text
    assert re.search(r'name="value.now" value="yes" checked', answer.text)
    assert bus.events == []


async def test_that_nobody_answers_needs_a_reason(client, approvals, bus):
    asked = await approvals.open(inquiry())
    without = await client.post(path(asked), data={"refuse": "yes", "reason": " "})
    assert (without.status_code, bus.events) == (422, [])
    assert "a reason is needed" in without.text
    said = await client.post(path(asked), data={"refuse": "yes", "reason": "it is gone"})
    assert "Nobody answers it" in said.text
    (event,) = bus.of(QuestionAnswered)
    assert event.reply.reason == "it is gone"


async def test_programs_get_the_question_and_answer_it_in_json(client, approvals):
    asked = await approvals.open(inquiry(FORM))
    shown = (await client.get(path(asked), headers=JSON)).json()
    assert (shown["kind"], shown["open"], shown["fields"][0]["name"]) == ("inquiry", True, "count")
    assert "digest" not in shown
    answer = await client.post(path(asked), json={"values": {"count": "3"}}, headers=JSON)
    assert answer.json()["outcome"] == "recorded"
    assert "signature" not in answer.text


@pytest.mark.parametrize(
    ("posted", "status", "told"),
    [
        ({"values": {"count": "3", "more": "x"}}, 422, "nobody asked for more"),
        ({"values": {"count": "3" * 1001}}, 422, "at most 1000 characters"),
        ({"values": {}}, 422, "count has to be answered"),
        ({"refuse": True, "reason": "x", "values": {"count": "3"}}, 422, "either answer it"),
        ({"values": "count=3"}, 422, "values"),
        ({"decision": "approve"}, 422, "count has to be answered"),
    ],
)
async def test_an_answer_that_is_none_is_told_what_to_change(
    client, approvals, bus, *, posted, status, told
):
    asked = await approvals.open(inquiry(FORM))
    answer = await client.post(path(asked), json=posted, headers=JSON)
    assert (answer.status_code, bus.events) == (status, [])
    assert told in answer.json()["error"]


async def test_who_was_not_meant_is_refused_on_the_page(client, approvals, bus):
    asked = await approvals.open(inquiry(who=(ALICE.email,)))
    answer = await client.post(path(asked, BOB.email), data={"value.fate": "ran"})
    assert (answer.status_code, bus.events) == (403, [])


def test_in_chats_there_are_buttons_for_what_can_be_picked_and_none_that_approves():
    labels = [row[0]["text"] for row in buttons(inquiry(), INQUIRY_ID)["inline_keyboard"]]
    assert labels[-1] == "Nobody can answer…"
    assert len(labels) == 4
    actions = {
        element["action_id"]
        for block in question_blocks(inquiry(), INQUIRY_ID, link="https://h/a/x")
        if block["type"] == "actions"
        for element in block["elements"]
    }
    assert actions == {"choose:0", "choose:1", "choose:2", "reject", "open"}
    picks = [
        element
        for block in question_blocks(inquiry(), INQUIRY_ID, link="https://h/a/x")
        for element in block.get("elements", ())
        if element.get("action_id", "").startswith("choose")
    ]
    assert [one["confirm"]["text"]["text"] for one in picks][2] == "Run it again"
    assert [row[0]["text"] for row in buttons(inquiry(FORM), INQUIRY_ID)["inline_keyboard"]] == [
        "Nobody can answer…"
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (replying(fate="again"), "Recorded: Run it again."),
        (replying(refused=True), "Recorded: nobody answers it, and the plan goes on without."),
    ],
)
def test_a_person_in_a_chat_is_told_what_was_recorded(said, words):
    assert told(reply(inquiry(), said, now=NOW)) == words
