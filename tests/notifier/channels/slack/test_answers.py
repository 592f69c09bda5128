"""What people do in Slack, and what strangers try: buttons, modals, commands, the socket."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.notifier.channels.slack.api import BODY_OCTETS
from services.notifier.channels.slack.blocks import COMMAND_LENGTH
from services.notifier.channels.slack.commands import code_of
from services.notifier.channels.slack.payload import interaction_of
from services.notifier.channels.slack.socket import Socket
from services.notifier.recipients import Recipient
from shared.events import PlanChosen, StepApproved, StepRejected
from tests.notifier.builders import (
    HASH,
    NOW,
    SESSION_ID,
    SIGNER,
    approval,
    choice,
    decision,
)
from tests.notifier.channels.slack.conftest import (
    BOB,
    buttons,
    handrail_in_slack,
    pressed,
    submission,
)
from tests.notifier.channels.slack.workspace import APP_TOKEN


async def test_a_press_approves_in_the_name_of_who_pressed(slack):
    message = await slack.ask(approval())
    answer = await slack.press(message, "approve")
    assert (answer.status_code, answer.text) == (200, "")
    (event,) = slack.bus.of(StepApproved)
    (said,) = event.decisions
    assert (said.by, said.channel) == ("alice@example.org", "slack")
    SIGNER.check(said, approval_id=approval().id, step_hash=HASH)
    assert slack.whispers() == ["Recorded: approved."]
    await slack.look()
    assert buttons(slack.workspace.messages[f"C1/{message['ts']}"]) == {}


async def test_somebody_without_an_id_in_the_file_is_known_by_the_address_in_slack(slack):
    message = await slack.ask(approval())
    await slack.press(message, "approve", user="U2")
    (event,) = slack.bus.of(StepApproved)
    assert event.decisions[0].by == BOB.email


async def test_a_no_asks_for_its_reason_and_is_recorded_with_it(slack):
    message = await slack.ask(approval())
    await slack.press(message, "reject")
    assert slack.bus.events == []
    (opened,) = slack.workspace.of("views.open")
    assert opened["view"]["private_metadata"] == buttons(message)["reject"]["value"]
    answer = await slack.submit("not at night", opened["view"]["private_metadata"])
    assert answer.json() == {"response_action": "clear"}
    (event,) = slack.bus.of(StepRejected)
    assert event.decisions[0].reason == "not at night"


async def test_a_no_without_a_reason_is_asked_again(slack):
    message = await slack.ask(approval())
    value = buttons(message)["reject"]["value"]
    answer = await slack.submit("  \n ", value)
    assert answer.json()["response_action"] == "errors"
    assert slack.bus.events == []


async def test_details_show_the_whole_question(slack):
    evidence = tuple(f"fact {n}" for n in range(6))
    message = await slack.ask(approval(evidence=evidence))
    assert "fact 5" not in json.dumps(message["blocks"])
    await slack.press(message, "details")
    (opened,) = slack.workspace.of("views.open")
    assert "fact 5" in json.dumps(opened["view"])


async def test_a_runbook_is_chosen_by_its_button(slack):
    slack.questions.waiting[choice().ticket_id] = choice().id
    message = await slack.ask(choice())
    await slack.press(message, "choose:1")
    (event,) = slack.bus.of(PlanChosen)
    (said,) = event.decisions
    assert said.runbook == "move-api"
    SIGNER.check_choice(said, choice_id=choice().id, digest=choice().digest)
    assert slack.whispers() == ["Recorded: move-api is used."]


async def test_somebody_takes_over_by_the_last_button(slack):
    slack.questions.waiting[choice().ticket_id] = choice().id
    await slack.press(await slack.ask(choice()), "choose:none")
    (event,) = slack.bus.of(PlanChosen)
    assert event.decisions[0].runbook is None


@pytest.mark.parametrize("action", ["choose:9", "choose:-1", "choose:x", "choose:2", "eat", ""])
async def test_a_button_that_there_is_none_of_chooses_nothing(slack, action):
    slack.questions.waiting[choice().ticket_id] = choice().id
    message = await slack.ask(choice())
    value = buttons(message)["choose:0"]["value"]
    button = [{"action_id": action, "value": value}]
    await slack.press(message, "choose:0", actions=button)
    assert slack.bus.events == []


# Attacks.


async def test_what_slack_did_not_sign_decides_nothing_and_learns_nothing(slack):
    message = await slack.ask(approval())
    form = {"payload": json.dumps(pressed(message, "approve"))}
    other = SecretStr("another secret")
    forged = await slack.post("/slack/interactions", form, secret=other)
    altered = await slack.post("/slack/interactions", form, body=b"payload=%7B%7D")
    unsigned = await slack.client.post("/slack/interactions", data=form)
    for answer in (forged, altered, unsigned):
        assert (answer.status_code, answer.text) == (401, "")
    assert slack.bus.events == []
    assert slack.workspace.calls == [("chat.postMessage", slack.workspace.calls[0][1])]


@pytest.mark.parametrize("age", [timedelta(seconds=301), -timedelta(seconds=301)])
async def test_an_old_request_decides_nothing(slack, age):
    message = await slack.ask(approval())
    form = {"payload": json.dumps(pressed(message, "approve"))}
    assert (await slack.post("/slack/interactions", form, at=NOW - age)).status_code == 401
    assert slack.bus.events == []


@pytest.mark.parametrize("timestamp", ["", "soon", "1e9", "-5", "٣", "9" * 40])
@pytest.mark.parametrize("signature", ["", "v0=", "v0=é", "v1=00"])
async def test_odd_headers_are_no_signature(slack, timestamp, signature):
    headers = {
        "X-Slack-Request-Timestamp": timestamp.encode(),
        "X-Slack-Signature": signature.encode(),
    }
    answer = await slack.client.post("/slack/interactions", content=b"{}", headers=headers)
    assert answer.status_code == 401


async def test_a_replayed_press_is_recorded_once(slack):
    message = await slack.ask(approval(required=2))
    for _ in range(3):
        await slack.press(message, "approve")
    assert slack.bus.events == []
    assert len((await slack.questions.find(approval().id)).decisions) == 1
    assert slack.whispers()[1:] == ["You have answered already, and that stands."] * 2


async def test_one_person_by_slack_and_by_mail_is_one_person(slack):
    message = await slack.ask(approval(required=2))
    stored = await slack.questions.find(approval().id)
    after = stored.model_copy(update={"decisions": (decision(by="Alice@Example.org"),)})
    await slack.questions.record(stored, after, [])
    await slack.press(message, "approve")
    assert (slack.bus.events, await slack.state(approval())) == ([], "pending")


@pytest.mark.parametrize(
    "member",
    [
        {"email": "mallory@example.net"},
        {"email": BOB.email, "deleted": True},
        {"email": BOB.email, "is_stranger": True},
        {"email": BOB.email, "is_ultra_restricted": True},
        {"email": BOB.email, "is_bot": True},
        # Who is in the file with an ID is nobody else, whatever address they set.
        {"email": "alice@example.org"},
    ],
)
async def test_a_stranger_decides_nothing(slack, member):
    slack.workspace.member("U9", **member)
    message = await slack.ask(approval())
    await slack.press(message, "approve", user="U9")
    await slack.submit("no", buttons(message)["reject"]["value"], user="U9")
    assert "does not know you" in await slack.command("pending", user="U9")
    assert "does not know you" in slack.whispers()[0]
    assert (slack.bus.events, await slack.state(approval())) == ([], "pending")


async def test_a_member_whom_slack_does_not_know_decides_nothing(slack):
    await slack.press(await slack.ask(approval()), "approve", user="U404")
    assert slack.bus.events == []


async def test_whose_yes_does_not_count_is_told_so(slack):
    message = await slack.ask(approval(who=(BOB.email,)))
    await slack.press(message, "approve")
    assert slack.bus.events == []
    assert slack.whispers()[0].startswith("Nothing was decided: ")


async def test_a_button_of_another_message_decides_nothing(slack):
    mine = await slack.ask(approval())
    other = approval(approval_id=UUID(int=50), step_hash="cd" * 32)
    theirs = await slack.ask(other)
    moved = pressed(mine, "approve")["actions"]
    moved[0]["value"] = buttons(theirs)["approve"]["value"]
    await slack.press(mine, "approve", actions=moved)
    assert slack.bus.events == []
    assert slack.whispers() == ["This button does not work any more. Nothing was decided."]


@pytest.mark.parametrize("value", ["", "x", "472af28b-efb4-4712-b6fe-724ee287eeb7", "0" * 5000])
async def test_a_made_up_button_decides_nothing(slack, value):
    message = await slack.ask(approval())
    button = [{"action_id": "approve", "value": value}]
    await slack.press(message, "approve", actions=button)
    assert slack.bus.events == []


async def test_a_step_that_has_changed_since_is_not_approved(slack):
    message = await slack.ask(approval())
    kept = slack.questions._kept
    kept[approval().id] = kept[approval().id].model_copy(
        update={"command": "rm -rf /", "step_hash": "ef" * 32}
    )
    await slack.press(message, "approve")
    assert slack.bus.events == []
    assert "changed since" in slack.whispers()[0]


async def test_a_question_to_one_person_is_not_answered_by_another(slack):
    to = Recipient(name="Alice", email="alice@example.org", via="ops", address="U1")
    message = await slack.ask(approval(), to)
    await slack.press(message, "approve", user="U2")
    assert slack.bus.events == []
    assert "for somebody else" in slack.whispers()[0]


@pytest.mark.parametrize("way", ["withdrawn", "expired"])
async def test_a_stale_button_decides_nothing(slack, way):
    message = await slack.ask(approval())
    if way == "withdrawn":
        await slack.questions.supersede(SESSION_ID, NOW)
    else:
        slack.clock.now = NOW + timedelta(minutes=4)
        stored = await slack.questions.find(approval().id)
        slack.questions._kept[stored.id] = stored.model_copy(update={"expires_at": NOW})
    await slack.press(message, "approve")
    assert slack.bus.events == []


async def test_of_two_who_press_at_once_one_is_recorded(slack):
    message = await slack.ask(approval())
    await asyncio.gather(
        slack.press(message, "approve"), slack.press(message, "approve", user="U2")
    )
    assert len(slack.bus.of(StepApproved)) == 1
    assert sorted(slack.whispers()) == [
        "It was settled before your answer came: approved.",
        "Recorded: approved.",
    ]


@pytest.mark.parametrize(
    "payload",
    ["", "{", "[]", "null", '{"type": "block_actions"}', '{"type": "view_submission", "user": 3}'],
)
async def test_a_payload_that_is_none_decides_nothing(slack, payload):
    await slack.ask(approval())
    answer = await slack.post("/slack/interactions", {"payload": payload})
    assert answer.status_code in {200, 400}
    assert slack.bus.events == []


async def test_a_body_without_end_is_not_read(slack):
    answer = await slack.post("/slack/interactions", {"payload": "x" * (BODY_OCTETS + 1)})
    assert answer.status_code == 401


async def test_a_slack_that_is_away_costs_no_decision(slack):
    message = await slack.ask(approval())
    slack.workspace.faults.append((500, {"ok": False}, {}))
    answer = await slack.press(message, "approve")
    assert answer.status_code == 200
    assert len(slack.bus.of(StepApproved)) == 1


async def test_slack_gets_its_answer_in_time_and_the_person_theirs_when_it_is_done(slack):
    message = await slack.ask(approval())
    slack.conversation._patience = timedelta(0)
    find, held = slack.questions.find, asyncio.Event()

    async def slowly(question_id):
        await held.wait()
        return await find(question_id)

    slack.questions.find = slowly
    reply = await slack.conversation.interact(interaction_of(pressed(message, "approve")))
    assert (reply.body, slack.bus.events) == (None, [])
    modal = interaction_of(submission("no", buttons(message)["reject"]["value"]))
    late = await slack.conversation.interact(modal)
    assert late.body["response_action"] == "errors"
    held.set()
    for then in (*reply.after, *late.after):
        await then()
    assert len(slack.bus.of(StepApproved)) == 1
    assert slack.whispers() == ["Recorded: approved."]


# The slash command.


async def test_the_command_lists_shows_and_approves_exactly_that(slack):
    await slack.questions.open(approval())
    code = code_of(approval())
    assert code in await slack.command("pending")
    shown = await slack.command(f"show {code}")
    assert "systemctl restart shop-api" in shown
    assert await slack.command(f"approve {code}") == "Recorded: approved."
    assert len(slack.bus.of(StepApproved)) == 1
    assert await slack.command("pending") == "Nothing waits for an answer."


async def test_the_command_shows_all_that_a_yes_is_to(slack):
    parts = {"check": "test -e /x", "rollback": "rm /x", "dry_run": "-/+ db must be replaced"}
    await slack.questions.open(approval(**parts))
    shown = await slack.command(f"show {code_of(approval())}")
    for part in parts.values():
        assert part in shown


@pytest.mark.parametrize("part", ["command", "rollback", "check", "dry_run"])
async def test_the_command_approves_nothing_that_is_too_long_to_be_shown(slack, part):
    await slack.questions.open(approval(**{part: "x" * (COMMAND_LENGTH + 1)}))
    code = code_of(approval())
    for word in ("show", "approve"):
        told = await slack.command(f"{word} {code}")
        assert "too long to be shown here: open the page" in told
        assert "/handrail approve" not in told
    assert slack.bus.events == []


async def test_a_press_approves_nothing_that_is_too_long_to_be_shown(slack):
    message = await slack.ask(approval(dry_run="x" * (COMMAND_LENGTH + 1)))
    press = pressed(message, "reject")
    press["actions"][0]["action_id"] = "approve"
    await slack.post("/slack/interactions", {"payload": json.dumps(press)})
    (told,) = slack.whispers()
    assert "too long" in told
    assert slack.bus.events == []


async def test_the_code_of_another_command_approves_nothing(slack):
    await slack.questions.open(approval())
    changed = code_of(approval(step_hash="ef" * 32))
    assert "Nothing that waits" in await slack.command(f"approve {changed}")
    assert slack.bus.events == []


async def test_the_command_rejects_with_a_reason_only(slack):
    await slack.questions.open(approval())
    assert "needs a reason" in await slack.command(f"reject {code_of(approval())}")
    await slack.command(f"reject {code_of(approval())} too risky")
    (event,) = slack.bus.of(StepRejected)
    assert event.decisions[0].reason == "too risky"


@pytest.mark.parametrize("text", ["help", "approve", "approve everything", "show"])
async def test_a_command_that_is_none_decides_nothing(slack, text):
    await slack.questions.open(approval())
    assert "/handrail" in await slack.command(text)
    assert slack.bus.events == []


async def test_what_strangers_wrote_is_text_in_answers_to_commands(slack):
    await slack.questions.open(approval(command="echo <!channel>", ticket_title="<@U1>"))
    for text in ("pending", f"show {code_of(approval())}"):
        assert "<" not in await slack.command(text)


# The socket.


async def test_without_a_public_address_the_same_comes_over_a_socket():
    async with handrail_in_slack() as slack:
        socket = Socket(slack.web, slack.conversation, app_token=SecretStr(APP_TOKEN))
        running = asyncio.create_task(socket.run())
        try:
            await asyncio.wait_for(slack.workspace.connected.wait(), 60)
            message = await slack.ask(approval())
            ack = await slack.workspace.send("interactive", pressed(message, "approve"))
            assert "payload" not in ack
            command = {"user_id": "U1", "text": "pending"}
            ack = await slack.workspace.send("slash_commands", command)
            assert ack["payload"]["text"] == "Nothing waits for an answer."
            (event,) = slack.bus.of(StepApproved)
            assert event.decisions[0].channel == "slack"
            await slack.workspace.send("interactive", {"type": "block_actions"})
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
