"""What is filled in in Slack: forms of plans, and whether it was fixed."""

import json
from datetime import timedelta

import pytest

from services.notifier.channels.slack.modals import filled_in, form_view
from services.notifier.channels.slack.payload import interaction_of
from services.notifier.feedback.feedback import KEPT_OPEN
from services.notifier.recipients import Recipient
from shared.events import FeedbackGiven, FormField, QuestionAnswered, ValueType
from tests.notifier.builders import NOW, SIGNER, TICKET_ID, escalated, news, resolved
from tests.notifier.channels.slack.conftest import BOB, buttons, pressed
from tests.notifier.inquiries import DIGEST, FORM, INQUIRY_ID, inquiry

OWN = Recipient(name="Alice", email="alice@example.org", via="ops", address="U1")


async def opened(slack, message, name, user="U1"):
    """The modal that a button opens."""
    await slack.press(message, name, user)
    return slack.workspace.of("views.open")[-1]


def values(event):
    return {each.name: each.value for each in event.reply.values}


async def test_a_form_is_filled_in_by_a_modal_with_what_is_proposed(slack):
    modal = await opened(slack, await slack.ask(inquiry(FORM)), "fill")
    shown = json.dumps(modal["view"], ensure_ascii=False)
    assert "say <b>what</b> became of it" in shown
    assert "All of it has to match [a-z]+" in shown
    told = await slack.send_off(modal, field_0="7", field_2="yes")
    assert told == {"response_action": "clear"}
    (event,) = slack.bus.of(QuestionAnswered)
    assert values(event) == {"count": "7", "now": "yes"}
    assert (event.reply.by, event.reply.channel) == ("alice@example.org", "slack")
    SIGNER.check_reply(event.reply, question_id=INQUIRY_ID, digest=DIGEST)
    await slack.look()
    (message,) = slack.workspace.messages.values()
    assert buttons(message) == {}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"field_0": ""}, "count has to be answered"),
        ({"field_0": "many"}, "count is no whole number"),
        ({"field_0": "7", "field_1": "GB"}, "unit is not what is asked for"),
    ],
    ids=["missing", "no number", "pattern"],
)
async def test_what_does_not_fit_is_told_in_the_modal(slack, given, told):
    modal = await opened(slack, await slack.ask(inquiry(FORM)), "fill")
    answer = await slack.send_off(modal, **given)
    assert answer["response_action"] == "errors"
    assert told in answer["errors"]["field-0"]
    assert slack.bus.events == []


async def test_who_may_not_answer_and_who_is_unknown_fill_in_nothing(slack):
    message = await slack.ask(inquiry(FORM, who=(BOB.email,)))
    modal = await opened(slack, message, "fill")
    for user in ("U1", "U404"):
        answer = await slack.send_off(modal, user, field_0="7")
        assert answer["response_action"] == "errors"
    assert slack.bus.events == []
    await slack.send_off(modal, "U2", field_0="7")
    assert slack.bus.of(QuestionAnswered)[0].reply.by == BOB.email


async def test_a_form_that_was_answered_meanwhile_is_not_answered_again(slack):
    modal = await opened(slack, await slack.ask(inquiry(FORM)), "fill")
    await slack.send_off(modal, "U2", field_0="1")
    answer = await slack.send_off(modal, field_0="2")
    assert "settled before" in answer["errors"]["field-0"]
    assert len(slack.bus.of(QuestionAnswered)) == 1


def test_an_option_is_known_by_its_place_and_a_long_list_is_written():
    strange = ("<!channel>", "a" * 300, "")
    many = tuple(str(n) for n in range(101))
    fields = (
        FormField(name="one", type=ValueType.ENUM, options=strange, default=strange[1]),
        FormField(name="many", type=ValueType.ENUM, options=many),
    )
    question = inquiry(fields)
    one, other = [b for b in form_view(question, INQUIRY_ID)["blocks"] if b["type"] == "input"]
    options = one["element"]["options"]
    assert all(0 < len(each["text"]["text"]) <= 75 for each in options)
    assert one["element"]["initial_option"] == options[1]
    assert other["element"]["type"] == "plain_text_input"
    given = filled_in(question, {"field-0": "1", "field-1": "57"})
    assert given == {"one": strange[1], "many": "57"}


# Feedback.


async def test_who_is_told_how_it_ended_says_whether_it_was_fixed(slack):
    message = await slack.tell(news(resolved(time=NOW)))
    modal = await opened(slack, message, "feedback")
    answer = await slack.send_off(modal, fixed="Yes", stars="★★★★", comment="quick\nand good")
    assert answer["response_action"] == "update"
    (event,) = slack.bus.of(FeedbackGiven)
    assert (event.ticket_id, event.by, event.fixed, event.stars, event.comment) == (
        TICKET_ID,
        "alice@example.org",
        True,
        4,
        "quick\nand good",
    )


async def test_a_change_of_mind_begins_with_what_was_said(slack):
    message = await slack.tell(news(escalated(time=NOW)))
    modal = await opened(slack, message, "feedback")
    await slack.send_off(modal, fixed="Yes", stars="★★")
    again = await opened(slack, message, "feedback")
    await slack.send_off(again, fixed="No")
    assert [(event.fixed, event.stars) for event in slack.bus.of(FeedbackGiven)] == [
        (True, 2),
        (False, 2),
    ]


async def test_where_nothing_ran_nobody_is_asked_for_feedback(slack):
    message = await slack.tell(news(escalated(tried=())))
    assert buttons(message) == {}


async def test_feedback_of_strangers_or_too_late_or_on_a_question_is_not_taken(slack):
    message = await slack.tell(news(resolved(time=NOW)), OWN)
    modal = await opened(slack, message, "feedback")
    for user in ("U2", "U404"):
        answer = await slack.send_off(modal, user, fixed="Yes", stars="★")
        assert answer["response_action"] == "errors"
    asked = await slack.ask(inquiry(FORM))
    modal["view"]["private_metadata"] = buttons(asked)["fill"]["value"]
    answer = await slack.send_off(modal, fixed="Yes", stars="★")
    assert "does not work" in answer["errors"]["fixed"]
    slack.clock.now += KEPT_OPEN + timedelta(days=1)
    press = interaction_of(pressed(message, "feedback"))
    for then in (await slack.conversation.interact(press)).after:
        await then()
    assert "does not work" in slack.whispers()[-1]
    assert slack.bus.of(FeedbackGiven) == []


@pytest.mark.parametrize("made_up", [{"stars": "9"}, {"stars": "-1"}, {"fixed": "maybe"}, {}])
async def test_made_up_values_are_no_feedback(slack, made_up):
    message = await slack.tell(news(resolved(time=NOW)))
    value = buttons(message)["feedback"]["value"]
    said = {"fixed": "yes", "stars": "3"} | made_up
    blocks = {name: {name: {"selected_option": {"value": v}}} for name, v in said.items()}
    view = {
        "callback_id": "feedback",
        "private_metadata": value,
        "state": {"values": blocks if made_up else {}},
    }
    payload = {"type": "view_submission", "user": {"id": "U1"}, "view": view}
    answer = await slack.post("/slack/interactions", {"payload": json.dumps(payload)})
    assert answer.json()["response_action"] == "errors"
    assert slack.bus.events == []
