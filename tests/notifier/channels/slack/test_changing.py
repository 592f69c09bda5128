"""A step is changed in Slack: a form, what it would be, and then it is sent."""

import json

import pytest

from shared.events import ChangedValue, StepApproved, StepChange, StepChangeProposed
from tests.notifier.builders import HASH, NOW, SIGNER, approval
from tests.notifier.changing.test_changing import asked
from tests.notifier.channels.slack.conftest import BOB, buttons


async def opened(slack, message, user="U1"):
    """The form that the button opens."""
    await slack.press(message, "change", user)
    return slack.workspace.of("views.open")[-1]


async def shown(slack, message, user="U1", **chosen):
    """What takes the place of the form."""
    answer = await slack.send_off(await opened(slack, message, user), user, **chosen)
    assert answer["response_action"] == "update", answer
    return {"view": answer["view"]}


async def test_other_values_are_shown_and_then_sent_signed_by_the_person(slack):
    message = await slack.ask(asked())
    view = await shown(slack, message, field_0="shop-db", reason="the other one")
    text = json.dumps(view, ensure_ascii=False)
    assert "- systemctl restart shop-api '<b>now</b>' soft 3 false" in text.replace("\\n", "\n")
    assert "+ systemctl restart shop-db" in text
    assert slack.bus.events == []
    told = await slack.send_off(view)
    assert "Recorded" in json.dumps(told)
    (said,) = slack.bus.of(StepChangeProposed)
    assert (said.proposal.by, said.proposal.channel) == ("alice@example.org", "slack")
    assert said.proposal.values == {"service": "shop-db"}
    assert said.proposal.reason == "the other one"
    SIGNER.check_proposal(said.proposal, approval_id=said.approval_id, step_hash=HASH)
    await slack.look()
    (message,) = slack.workspace.messages.values()
    assert buttons(message) == {}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"field_0": "a; reboot"}, "pattern"),
        ({"field_3": "10"}, "more than 9"),
        ({"field_1": "--force"}, "option"),
        ({}, "as it was"),
    ],
    ids=["pattern", "too many", "an option", "the same"],
)
async def test_what_does_not_fit_is_told_in_the_form(slack, given, told):
    answer = await slack.send_off(await opened(slack, await slack.ask(asked())), **given)
    assert answer["response_action"] == "errors"
    assert told in next(iter(answer["errors"].values()))
    assert slack.bus.events == []


async def test_who_may_not_answer_and_who_is_unknown_change_nothing(slack):
    message = await slack.ask(asked(who=(BOB.email,)))
    view = await shown(slack, message, field_0="shop-db")
    for user in ("U1", "U404"):
        told = json.dumps(await slack.send_off(view, user))
        assert "Recorded" not in told
    assert slack.bus.events == []
    assert "Recorded" in json.dumps(await slack.send_off(view, "U2"))
    assert slack.bus.of(StepChangeProposed)[0].proposal.by == BOB.email


async def test_sent_twice_or_after_an_answer_it_changes_nothing_more(slack):
    message = await slack.ask(asked())
    view = await shown(slack, message, field_0="shop-db")
    await slack.press(message, "approve", "U2")
    assert "settled before" in json.dumps(await slack.send_off(view))
    assert slack.bus.of(StepChangeProposed) == []
    assert len(slack.bus.of(StepApproved)) == 1


async def test_what_was_not_shown_is_not_sent(slack):
    view = await shown(slack, await slack.ask(asked()), field_0="shop-db")
    carried = json.loads(view["view"]["private_metadata"])
    for wrong in (
        carried | {"values": {"service": "shop-web"}},
        carried | {"confirm": "0" * 32},
        carried | {"values": {"host": "x"}},
        carried | {"post": "nothing"},
        ["odd"],
        "odd",
    ):
        other = {"view": view["view"] | {"private_metadata": json.dumps(wrong)}}
        assert "Recorded" not in json.dumps(await slack.send_off(other))
    assert slack.bus.events == []


async def test_what_is_too_long_for_slack_is_left_to_the_page(slack):
    form = await opened(slack, await slack.ask(asked()))
    answer = await slack.send_off(form, field_0="x" * 900, field_1="y" * 900)
    assert "open the page" in json.dumps(answer)


async def test_without_something_to_change_there_is_no_button(slack):
    assert "change" not in str(buttons(await slack.ask(approval())))


async def test_the_message_says_who_changed_what(slack):
    change = StepChange(
        by="bob@example.org",
        at=NOW,
        reason="<!channel> hangs",
        values=(ChangedValue(name="service", old="shop-api", new="shop-db"),),
        before={"run": "systemctl restart shop-api"},
    )
    text = json.dumps(await slack.ask(asked(change=change)), ensure_ascii=False)
    assert "Changed by bob@example.org" in text
    assert "service shop-api → shop-db" in text
    assert "systemctl restart shop-api" in text
