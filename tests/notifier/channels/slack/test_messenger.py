"""Asking, telling and taking back in a workspace."""

import json
from uuid import UUID

import pytest

from services.notifier.approval import decide
from services.notifier.channels.message import Asking
from services.notifier.channels.messenger import RefusedError
from services.notifier.channels.slack.blocks import ALL_LENGTH, COMMAND_LENGTH
from services.notifier.recipients import Recipient
from shared.errors import UnavailableError
from shared.events import Answer
from tests.notifier.builders import (
    NOW,
    approval,
    choice,
    decision,
    escalated,
    news,
    resolved,
)
from tests.notifier.channels.slack.conftest import BOB, ROOM, buttons

ALICE_THERE = Recipient(name="Alice", email="alice@example.org", via="ops", address="U1")
BOB_THERE = Recipient(name="Bob", email=BOB.email, via="ops")


def texts(message) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


async def test_a_question_says_all_that_one_has_to_know_and_has_buttons(slack):
    message = await slack.ask(approval())
    for part in (
        "Restart shop-api on web-1",
        "web-1, over ssh",
        "high",
        "The process does not answer.",
        "systemctl restart shop-api",
        "systemctl says: inactive (dead)",
        "systemctl stop shop-api",
        "04:00 UTC on 3 May",
    ):
        assert part in texts(message)
    assert list(buttons(message)) == ["approve", "reject", "details", "open"]
    assert buttons(message)["approve"]["confirm"]["text"]["text"].endswith("high risk")


async def test_buttons_carry_nothing_but_an_id(slack):
    message = await slack.ask(approval())
    values = {button["value"] for button in buttons(message).values()}
    assert [str(UUID(value)) for value in values] == list(values)


@pytest.mark.parametrize("scopes", [True, False])
async def test_a_question_that_is_sent_again_is_there_once(slack, scopes):
    slack.workspace.scopes = scopes
    for _ in range(2):
        await slack.ask(approval())
    assert len(slack.workspace.of("chat.postMessage")) == 1


async def test_a_message_whose_answer_was_lost_is_found_and_not_sent_again(slack):
    slack.workspace.forgets_answer = True
    with pytest.raises(UnavailableError):
        await slack.ask(approval())
    await slack.ask(approval())
    assert len(slack.workspace.of("chat.postMessage")) == 1
    assert len(slack.workspace.messages) == 1


async def test_without_the_right_to_look_a_lost_message_is_sent_again_under_the_same_id(slack):
    slack.workspace.forgets_answer = True
    slack.workspace.scopes = False
    with pytest.raises(UnavailableError):
        await slack.ask(approval())
    await slack.ask(approval())
    sent = slack.workspace.of("chat.postMessage")
    assert len(sent) == 2
    assert len({said["client_msg_id"] for said in sent}) == 1


async def test_news_stand_in_the_thread_of_the_ticket(slack):
    question = await slack.ask(approval())
    told = await slack.tell(news(resolved()))
    assert told["thread_ts"] == question["ts"]
    assert "reply_broadcast" not in told
    assert "fixed it in 12 s" in texts(told)


async def test_what_needs_a_person_shows_beside_the_thread_too(slack):
    await slack.ask(approval())
    told = await slack.tell(news(escalated()))
    assert told["reply_broadcast"] is True
    second = await slack.ask(approval(approval_id=UUID(int=50)))
    assert (second["reply_broadcast"], second["thread_ts"]) == (True, told["thread_ts"])


async def test_news_of_a_ticket_that_nobody_was_asked_about_begin_a_thread(slack):
    first = await slack.tell(news(escalated()))
    assert "thread_ts" not in first
    assert (await slack.tell(news(resolved())))["thread_ts"] == first["ts"]


async def test_a_room_by_name_is_updated_by_its_id(slack):
    named = Recipient.room("ops", address="#ops")
    message = await slack.ask(approval(), named)
    assert message["channel"] == "C0NAMED"
    await slack.questions.supersede(approval().session_id, NOW)
    await slack.look()
    assert buttons(slack.workspace.messages[f"C0NAMED/{message['ts']}"]) == {}


async def test_people_are_written_to_by_their_id_or_found_by_their_address(slack):
    assert (await slack.ask(approval(), ALICE_THERE))["channel"] == "DU1"
    assert (await slack.ask(approval(), BOB_THERE))["channel"] == "DU2"


async def test_who_is_not_in_the_workspace_is_refused(slack):
    nobody = Recipient(name="N", email="nobody@example.org", via="ops")
    with pytest.raises(RefusedError, match="users_not_found"):
        await slack.ask(approval(), nobody)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda q: decide(q, decision(), now=NOW).question, "Alice said yes"),
        (
            lambda q: (
                decide(q, decision(answer=Answer.REJECT, reason="not at night"), now=NOW).question
            ),
            "Alice said no, 03:00 UTC on 3 May: not at night",
        ),
        (
            lambda q: q.model_copy(update={"state": "expired", "settled_at": NOW}),
            "Nobody answered in time",
        ),
        (
            lambda q: q.model_copy(update={"state": "superseded", "settled_at": NOW}),
            "Withdrawn: there is nothing left to decide.",
        ),
    ],
)
async def test_what_was_decided_elsewhere_has_no_buttons_and_says_how(slack, change, said):
    message = await slack.ask(approval())
    stored = await slack.questions.find(approval().id)
    await slack.questions.record(stored, change(stored), [])
    await slack.look()
    after = slack.workspace.messages[f"C1/{message['ts']}"]
    assert buttons(after) == {}
    assert said in texts(after)
    await slack.look()
    assert len(slack.workspace.of("chat.update")) == 1


async def test_the_page_is_one_press_away_also_after_somebody_said_something(slack):
    message = await slack.ask(approval(required=2))
    assert buttons(message)["open"]["url"] == "https://h/a/x"
    stored = await slack.questions.find(approval().id)
    await slack.questions.record(stored, decide(stored, decision(), now=NOW).question, [])
    await slack.look()
    after = slack.workspace.messages[f"C1/{message['ts']}"]
    assert buttons(after)["open"]["url"] == "https://h/a/ops/#ops"
    await slack.press(after, "open")
    assert (slack.bus.events, slack.whispers()) == ([], [])


async def test_a_first_yes_of_two_is_shown_and_the_buttons_stay(slack):
    message = await slack.ask(approval(required=2))
    stored = await slack.questions.find(approval().id)
    await slack.questions.record(stored, decide(stored, decision(), now=NOW).question, [])
    await slack.look()
    after = slack.workspace.messages[f"C1/{message['ts']}"]
    assert "2 yes from different people; one no stops it; 1 given" in texts(after)
    assert list(buttons(after)) == ["approve", "reject", "details", "open"]


async def test_a_message_that_somebody_removed_is_let_go(slack):
    message = await slack.ask(approval())
    del slack.workspace.messages[f"C1/{message['ts']}"]
    await slack.questions.supersede(approval().session_id, NOW)
    for _ in range(2):
        await slack.look()
    assert len(slack.workspace.of("chat.update")) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ((200, {"ok": False, "error": "channel_not_found"}, {}), RefusedError),
        ((200, {"ok": False, "error": "is_archived"}, {}), RefusedError),
        # An administrator can put these right while the message waits.
        ((200, {"ok": False, "error": "invalid_auth"}, {}), UnavailableError),
        ((200, {"ok": False, "error": "not_in_channel"}, {}), UnavailableError),
        ((200, {"ok": False, "error": "internal_error"}, {}), UnavailableError),
        ((503, {"ok": False}, {}), UnavailableError),
    ],
)
async def test_what_slack_answers_decides_between_never_and_later(slack, fault, error):
    slack.workspace.faults.append(fault)
    with pytest.raises(error):
        await slack.ask(approval())


async def test_a_limit_is_waited_out_for_as_long_as_slack_says(slack):
    limited = {"ok": False, "error": "ratelimited"}
    slack.workspace.faults.append((429, limited, {"Retry-After": "0"}))
    await slack.ask(approval())
    assert len(slack.workspace.of("chat.postMessage")) == 2
    assert len(slack.workspace.messages) == 1


EVIL = "<!channel> <@U1> <https://evil.example.net|ok> *b* ```\nrm -rf /\n``` & :boom: `x`"


async def test_what_strangers_wrote_is_text(slack):
    said = ("title", "ticket_title", "command", "why", "target", "rollback", "check", "dry_run")
    fields = dict.fromkeys(said, EVIL)
    message = await slack.ask(approval(evidence=(EVIL,), **fields))
    for block in message["blocks"]:
        assert block["type"] in {"header", "rich_text", "context", "actions"}
        assert '"mrkdwn"' not in json.dumps(block)
        assert '"emoji": true' not in json.dumps(block)
    assert "<" not in message["text"]
    assert "&lt;!channel&gt;" in message["text"]
    codes = [
        element["elements"][0]["text"]
        for block in message["blocks"]
        if block["type"] == "rich_text"
        for element in block["elements"]
        if element["type"] == "rich_text_preformatted"
    ]
    assert codes == [EVIL] * 4  # to the letter, and nothing of it ends the block


async def test_what_hides_from_the_eye_is_shown(slack):
    message = await slack.ask(approval(command="rm \u202e-rf /tmp"))
    assert "rm \\u{202e}-rf" in json.loads(json.dumps(texts(message))).replace("\\\\", "\\")


async def test_a_command_that_has_no_room_is_not_approved_without_being_seen(slack):
    message = await slack.ask(approval(command="x" * (COMMAND_LENGTH + 1)))
    assert list(buttons(message)) == ["reject", "details", "open"]
    assert "too long" in texts(message)
    assert "and 1 more characters" in texts(message)


@pytest.mark.parametrize("part", ["rollback", "check", "dry_run"])
async def test_what_runs_or_happens_under_a_yes_is_shown_to_its_end_or_not_approved(slack, part):
    fits = await slack.ask(approval(**{part: "end".rjust(COMMAND_LENGTH, "x")}))
    assert "approve" in buttons(fits)
    assert "xend" in texts(fits)

    longer = {part: "end".rjust(COMMAND_LENGTH + 1, "x"), "approval_id": UUID(int=77)}
    message = await slack.ask(approval(**longer))
    assert list(buttons(message)) == ["reject", "details", "open"]
    assert "too long" in texts(message)


async def test_it_is_not_approved_where_all_of_it_together_has_no_room(slack):
    parts = dict.fromkeys(("command", "rollback", "check", "dry_run"), "x" * (ALL_LENGTH // 4))
    assert "approve" in buttons(await slack.ask(approval(**parts)))
    one_more = parts | {"check": "x" * (ALL_LENGTH // 4 + 1), "approval_id": UUID(int=77)}
    assert "approve" not in buttons(await slack.ask(approval(**one_more)))


async def test_long_texts_stay_within_what_slack_takes(slack):
    message = await slack.ask(approval(title="t" * 3000, why="w" * 5000, ticket_title="x" * 3000))
    header = message["blocks"][0]["text"]["text"]
    assert len(header) <= 150
    assert len(message["blocks"]) <= 50


async def test_a_choice_has_a_button_for_each_runbook_that_can_be_used(slack):
    slack.questions.waiting[choice().ticket_id] = choice().id
    message = await slack.ask(choice())
    assert list(buttons(message)) == ["choose:0", "choose:1", "choose:none", "open"]
    assert "move shop-api" in texts(message)
    assert "cannot be used: parameter count" in texts(message)


async def test_no_token_is_in_an_error(slack):
    slack.workspace.faults.append((500, {"ok": False, "error": "xoxb-toy"}, {}))
    slack.workspace.faults.append((200, {"ok": False, "error": "fatal_error"}, {}))
    for _ in range(2):
        with pytest.raises(UnavailableError) as error:
            await slack.messenger._web.call("chat.postMessage", channel=ROOM.address, text="x")
    assert str(error.value) == "Slack, chat.postMessage: fatal_error"


def gathered(to=ROOM):
    """Questions of different tickets, as they come together."""
    made = [
        approval(approval_id=UUID(int=50 + n), ticket_id=UUID(int=60 + n), step_id=f"s{n}")
        for n in range(3)
    ]
    return [Asking(one, to, "https://h/a/x") for one in made]


async def test_several_questions_call_people_once_and_each_has_its_buttons_in_the_thread(slack):
    askings = gathered()
    for one in askings:
        await slack.questions.open(one.question)
    for _ in range(2):
        reference = await slack.messenger.gather(askings, now=NOW)
    first, *each = slack.workspace.messages.values()
    assert f"{first['channel']}/{first['ts']}" == reference
    assert texts(first).count("Restart shop-api on web-1") == 3
    assert buttons(first) == {}
    assert [one["thread_ts"] for one in each] == [first["ts"]] * 3
    assert not any(one.get("reply_broadcast") for one in each)
    await slack.press(each[1], "approve")
    await slack.look()
    assert [bool(buttons(one)) for one in slack.workspace.messages.values()] == [
        False,
        True,
        False,
        True,
    ]


async def test_news_of_a_ticket_whose_question_was_gathered_stay_in_that_thread(slack):
    askings = gathered()
    await slack.messenger.gather(askings, now=NOW)
    first = next(iter(slack.workspace.messages.values()))
    told = await slack.tell(news(resolved(ticket_id=askings[2].question.ticket_id)))
    assert told["thread_ts"] == first["ts"]


async def test_what_is_gathered_goes_on_after_it_was_broken_off(slack):
    askings = gathered()
    slack.workspace.faults = [
        (200, {"ok": True, "channel": "C1", "ts": "1.0"}, {}),
        (500, {}, {}),
    ]
    with pytest.raises(UnavailableError):
        await slack.messenger.gather(askings, now=NOW)
    await slack.messenger.gather(askings, now=NOW)
    assert [one["thread_ts"] for one in slack.workspace.messages.values()] == ["1.0"] * 3
