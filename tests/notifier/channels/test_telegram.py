"""Telegram: a local server that speaks the Bot API, what people press, and what strangers try."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI
from pydantic import SecretStr

from services.notifier.channels.answering import Answering
from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.messenger import RefusedError
from services.notifier.channels.revising import Reviser
from services.notifier.channels.telegram.bot import Bot
from services.notifier.channels.telegram.messenger import TelegramMessenger
from services.notifier.channels.telegram.receiving import poll, webhook
from services.notifier.channels.telegram.updates import Updates
from services.notifier.channels.telegram.words import COMMAND_LENGTH, shows_all, text_of_several
from services.notifier.desk import Desk
from services.notifier.feedback.giving import Giving
from services.notifier.links import Channel
from services.notifier.recipients import Recipient
from shared.config import Person
from shared.errors import UnavailableError
from shared.events import FeedbackGiven, PlanChosen, QuestionAnswered, StepApproved, StepRejected
from tests.notifier.builders import (
    HASH,
    NOW,
    SESSION_ID,
    SIGNER,
    approval,
    choice,
    escalated,
    news,
    resolved,
)
from tests.notifier.channels.fakes import FakePosts
from tests.notifier.fakes import Bus, Clock, FakeFeedbacks, FakeQuestions
from tests.notifier.inquiries import inquiry

TOKEN = SecretStr("123456:ABC-secret")
ALICE = Person(name="Alice", email="alice@example.org", telegram=11)
BOB = Person(name="Bob", email="bob@example.org", telegram=22)
ROOM = Recipient.room("tg", address="-500")
OWN = Recipient(name="Alice", email=ALICE.email, via="tg", address="11")
SECRET = SecretStr("hook-secret")


def _link(to, _question) -> str:
    return f"https://h/a/{to.key}"


@dataclass
class Cloud:
    """The Bot API: messages in chats, and updates that are asked for."""

    url: str = ""
    calls: list = field(default_factory=list)
    messages: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)
    updates: asyncio.Queue = field(default_factory=asyncio.Queue)
    offsets: list = field(default_factory=list)

    def of(self, method):
        return [said for name, said in self.calls if name == method]

    async def take(self, request):
        if request.match_info["token"] != TOKEN.get_secret_value():
            return _no(404, "Not Found")
        method, said = request.match_info["method"], await request.json()
        self.calls.append((method, said))
        if self.faults:
            status, body = self.faults.pop(0)
            return web.json_response({"ok": False, "error_code": status, **body}, status=status)
        if method == "getUpdates":
            self.offsets.append(said["offset"])
            return _yes([await self.updates.get()])
        if method == "sendMessage":
            return _yes(self._sent(said))
        if method == "editMessageText":
            return self._edited(said)
        return _yes(True)

    def _sent(self, said):
        number = len(self.messages) + 1
        message = {**said, "message_id": number, "chat": {"id": said["chat_id"]}}
        self.messages[number] = message
        return {"message_id": number, "chat": {"id": said["chat_id"]}}

    def _edited(self, said):
        before = self.messages.get(said["message_id"])
        if before is None:
            return _no(400, "Bad Request: message to edit not found")
        if before["text"] == said["text"]:
            return _no(400, "Bad Request: message is not modified")
        before |= said
        return _yes(True)


def _yes(result):
    return web.json_response({"ok": True, "result": result})


def _no(status, description):
    body = {"ok": False, "error_code": status, "description": description}
    return web.json_response(body, status=status)


@dataclass
class Telegram:
    """Handrail and the cloud, and what people do in it."""

    cloud: Cloud
    bot: Bot
    messenger: TelegramMessenger
    updates: Updates
    questions: FakeQuestions
    posts: FakePosts
    bus: Bus

    async def ask(self, question, to=ROOM):
        asked = await self.questions.open(question)
        reference = await self.messenger.ask(Asking(asked, to, "https://h/a/x"), now=NOW)
        return self.cloud.messages[int(reference.split("/")[1])]

    async def look(self):
        await Reviser(self.posts, self.questions, {"tg": self.messenger}).look()

    async def press(self, message, data, user=11):
        await self.updates.take(pressed(message, data, user))

    async def approve(self, message, user=11):
        first = data_of(message)["Approve"]
        await self.press(message, first, user)
        await self.press(message, f"y:{first.partition(':')[2]}", user)

    def notes(self):
        return [said["text"] for said in self.cloud.of("answerCallbackQuery") if said["text"]]


def data_of(message):
    return {
        button["text"]: button["callback_data"]
        for row in message["reply_markup"]["inline_keyboard"]
        for button in row
    }


def pressed(message, data, user=11, number=1):
    where = {"message_id": message["message_id"], "chat": {"id": message["chat_id"]}}
    query = {"id": "q", "from": {"id": user, "is_bot": False}, "message": where, "data": data}
    return {"update_id": number, "callback_query": query}


@asynccontextmanager
async def cloud():
    made = Cloud()
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", made.take)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


@pytest.fixture
async def telegram():
    bus = Bus()
    questions = FakeQuestions(bus.publish)
    posts = FakePosts(questions)
    desk = Desk(questions, SIGNER, Clock())
    async with cloud() as there:
        bot = Bot(there.url, TOKEN)
        answering = Answering(posts, questions, desk, Channel.TELEGRAM, shows_all=shows_all)
        giving = Giving(posts, FakeFeedbacks(bus.publish), Clock())
        updates = Updates(bot, answering, (ALICE, BOB), giving=giving)
        yield Telegram(
            there, bot, TelegramMessenger(bot, posts, _link), updates, questions, posts, bus
        )
        await bot.close()


async def test_a_question_says_all_that_one_has_to_know_and_has_buttons(telegram):
    message = await telegram.ask(approval())
    for part in ("Restart shop-api on web-1", "web-1, over ssh", "04:00 UTC on 3 May"):
        assert part in message["text"]
    assert list(data_of(message)) == ["Approve", "Reject…"]
    for data in data_of(message).values():
        assert UUID(data.partition(":")[2])
        assert len(data) <= 64


async def test_a_command_is_code_to_the_letter_and_nothing_is_markup(telegram):
    evil = "echo 🔥 `x` ```\n<b>*bold*</b> @everyone [l](https://evil.example.net)"
    message = await telegram.ask(approval(command=evil, title="🔥 *t*", why="<i>w</i>"))
    assert "parse_mode" not in message
    (code,) = (e for e in message["entities"] if e["type"] == "pre" and _cut(message, e) == evil)
    assert code
    assert message["link_preview_options"] == {"is_disabled": True}


def _cut(message, entity):
    raw = message["text"].encode("utf-16-le")
    begin = 2 * entity["offset"]
    return raw[begin : begin + 2 * entity["length"]].decode("utf-16-le")


@pytest.mark.parametrize("filler", ["x", "🔥"])
async def test_a_message_stays_within_what_telegram_takes(telegram, filler):
    long = dict.fromkeys(("command", "why", "rollback", "title", "ticket_title"), filler * 9000)
    message = await telegram.ask(approval(evidence=(filler * 9000,) * 5, **long))
    assert len(message["text"].encode("utf-16-le")) // 2 <= 4096
    assert "Without an answer by" in message["text"]


async def test_a_command_that_has_no_room_is_not_approved_without_being_seen(telegram):
    message = await telegram.ask(approval(command="x" * (COMMAND_LENGTH + 1)))
    assert list(data_of(message)) == ["Reject…"]
    assert "too long to be approved here. Look" in message["text"]
    assert "https://h/a/x" in message["text"]
    post = data_of(message)["Reject…"].partition(":")[2]
    await telegram.press(message, f"y:{post}")
    assert telegram.bus.events == []
    (note,) = telegram.notes()
    assert "too long" in note


@pytest.mark.parametrize("part", ["rollback", "check", "dry_run"])
async def test_what_runs_or_happens_under_a_yes_is_shown_to_its_end_or_not_approved(telegram, part):
    others = {"command": "true", "rollback": None} | dict.fromkeys(("why", "again"), "w" * 900)
    room = COMMAND_LENGTH - len("true")
    fits = approval(**others | {part: "end".rjust(room, "x"), "evidence": ("e" * 900,) * 3})
    message = await telegram.ask(fits)
    assert list(data_of(message)) == ["Approve", "Reject…"]
    assert "xend\n" in message["text"]
    assert len(message["text"]) <= 4096

    longer = approval(**others | {part: "end".rjust(room + 1, "x"), "approval_id": UUID(int=77)})
    message = await telegram.ask(longer)
    assert list(data_of(message)) == ["Reject…"]
    assert "too long to be approved here" in message["text"]


async def test_a_yes_is_asked_once_more_and_then_recorded(telegram):
    message = await telegram.ask(approval())
    await telegram.press(message, data_of(message)["Approve"])
    assert telegram.bus.events == []
    (asked,) = telegram.cloud.of("editMessageReplyMarkup")
    assert [b["text"] for b in asked["reply_markup"]["inline_keyboard"][0]] == [
        "Yes, run it",
        "Back",
    ]
    await telegram.approve(message)
    (event,) = telegram.bus.of(StepApproved)
    (said,) = event.decisions
    assert (said.by, said.channel) == (ALICE.email, "telegram")
    SIGNER.check(said, approval_id=approval().id, step_hash=HASH)
    assert telegram.notes() == ["Recorded: approved."]


async def test_a_no_is_recorded_with_the_reason_that_is_replied(telegram):
    message = await telegram.ask(approval())
    await telegram.press(message, data_of(message)["Reject…"])
    (_, prompt) = telegram.cloud.of("sendMessage")
    assert prompt["reply_markup"]["force_reply"] is True
    await telegram.updates.take(_reply(prompt["text"], "not at night"))
    (event,) = telegram.bus.of(StepRejected)
    assert event.decisions[0].reason == "not at night"


def _reply(prompt, text, *, user=11, author=None):
    return {
        "update_id": 5,
        "message": {
            "message_id": 90,
            "chat": {"id": -500},
            "from": {"id": user},
            "text": text,
            "reply_to_message": {
                "message_id": 89,
                "chat": {"id": -500},
                "from": author or {"id": 1, "is_bot": True},
                "text": prompt,
            },
        },
    }


async def test_a_reply_to_what_a_person_wrote_rejects_nothing(telegram):
    message = await telegram.ask(approval())
    prompt = f"What is wrong? [{data_of(message)['Reject…'].partition(':')[2]}]"
    await telegram.updates.take(_reply(prompt, "no", author={"id": 99}))
    await telegram.updates.take(_reply(prompt, "no", user=99))
    await telegram.updates.take(_reply("Hello", "no"))
    assert telegram.bus.events == []


async def test_a_runbook_is_chosen_by_its_button(telegram):
    telegram.questions.waiting[choice().ticket_id] = choice().id
    message = await telegram.ask(choice())
    await telegram.press(message, data_of(message)["Choose move-api"])
    (event,) = telegram.bus.of(PlanChosen)
    assert event.decisions[0].runbook == "move-api"


async def test_what_became_of_a_command_is_told_by_two_presses_and_not_by_one(telegram):
    message = await telegram.ask(inquiry())
    first = data_of(message)["Run it again"]
    await telegram.press(message, first)
    assert telegram.bus.events == []
    (asked,) = telegram.cloud.of("editMessageReplyMarkup")
    assert set(data_of(asked)) == {"Yes: Run it again", "Back"}
    await telegram.press(message, data_of(asked)["Yes: Run it again"])
    (event,) = telegram.bus.of(QuestionAnswered)
    assert (event.reply.values[0].value, event.reply.by) == ("again", ALICE.email)


async def test_that_nobody_can_answer_is_told_with_a_reason(telegram):
    message = await telegram.ask(inquiry())
    await telegram.press(message, data_of(message)["Nobody can answer…"])
    assert telegram.bus.events == []
    assert telegram.cloud.of("sendMessage")[-1]["reply_markup"]["force_reply"]


@pytest.mark.parametrize(
    "data", ["", "y", "y:", "y:x", "z:1", "y:869c7adc0ef74916aea3096a15242ec7", "c9:x"]
)
async def test_a_made_up_button_decides_nothing(telegram, data):
    await telegram.press(await telegram.ask(approval()), data)
    assert telegram.bus.events == []


async def test_a_stranger_decides_nothing(telegram):
    await telegram.approve(await telegram.ask(approval()), user=99)
    assert telegram.bus.events == []
    assert all("does not know you" in note for note in telegram.notes())


async def test_a_button_of_another_message_or_another_person_decides_nothing(telegram):
    mine = await telegram.ask(approval(), OWN)
    other = await telegram.ask(approval(approval_id=UUID(int=50), step_hash="cd" * 32))
    post = data_of(other)["Approve"].partition(":")[2]
    await telegram.press(mine, f"y:{post}")
    await telegram.approve(mine, user=22)
    assert telegram.bus.events == []


async def test_a_step_that_has_changed_since_is_not_approved(telegram):
    message = await telegram.ask(approval())
    kept = telegram.questions._kept
    kept[approval().id] = kept[approval().id].model_copy(update={"step_hash": "ef" * 32})
    await telegram.approve(message)
    assert telegram.bus.events == []


async def test_an_update_that_comes_again_is_recorded_once(telegram):
    message = await telegram.ask(approval(required=2))
    for _ in range(2):
        await telegram.approve(message)
    assert len((await telegram.questions.find(approval().id)).decisions) == 1


async def test_what_was_decided_elsewhere_has_no_buttons(telegram):
    message = await telegram.ask(approval())
    await telegram.questions.supersede(SESSION_ID, NOW)
    await telegram.look()
    assert data_of(message) == {}
    assert "Withdrawn" in message["text"]
    await telegram.look()
    assert len(telegram.cloud.of("editMessageText")) == 1


async def test_news_answer_the_first_message_on_the_ticket(telegram):
    question = await telegram.ask(approval())
    for event in (resolved(), escalated()):
        await telegram.messenger.tell(Telling(news(event), ROOM), now=NOW)
    told = telegram.cloud.of("sendMessage")[1:]
    assert {said["reply_parameters"]["message_id"] for said in told} == {question["message_id"]}


async def test_a_question_that_is_sent_again_is_there_once(telegram):
    for _ in range(2):
        await telegram.ask(approval())
    assert len(telegram.cloud.messages) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (403, RefusedError),
        (409, UnavailableError),
        (502, UnavailableError),
    ],
)
async def test_what_telegram_answers_decides_between_never_and_later(telegram, status, error):
    telegram.cloud.faults.append((status, {"description": "Bad"}))
    with pytest.raises(error, match=r"^Telegram, sendMessage: Bad$"):
        await telegram.ask(approval())


async def test_a_limit_is_waited_out_for_as_long_as_telegram_says(telegram):
    telegram.cloud.faults.append((429, {"parameters": {"retry_after": 0}}))
    await telegram.ask(approval())
    assert len(telegram.cloud.messages) == 1
    telegram.cloud.faults.append((429, {"parameters": {"retry_after": 3600}}))
    with pytest.raises(UnavailableError):
        await telegram.ask(approval(approval_id=UUID(int=50)))


async def test_no_token_is_in_an_error():
    bot = Bot("http://127.0.0.1:1", TOKEN)
    with pytest.raises(UnavailableError) as error:
        await bot.call("getMe")
    assert str(error.value) == "Telegram, getMe: ConnectError"
    await bot.close()


async def test_updates_are_asked_for_each_once(telegram):
    message = await telegram.ask(approval())
    polling = asyncio.create_task(poll(telegram.bot, telegram.updates))
    telegram.cloud.faults.append((409, {"description": "Conflict"}))
    try:
        post = data_of(message)["Approve"].partition(":")[2]
        telegram.cloud.updates.put_nowait("no update")
        telegram.cloud.updates.put_nowait(pressed(message, f"y:{post}", number=70))
        async with asyncio.timeout(60):
            while len(telegram.cloud.offsets) < 3:
                await asyncio.sleep(0.01)
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
    assert telegram.cloud.offsets == [0, 1, 71]
    assert len(telegram.bus.of(StepApproved)) == 1


async def test_the_webhook_believes_only_who_knows_the_secret(telegram):
    message = await telegram.ask(approval())
    post = data_of(message)["Approve"].partition(":")[2]
    update = pressed(message, f"y:{post}")
    api = FastAPI()
    api.include_router(webhook("tg", telegram.updates, secret=SECRET))
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
        for given in ({}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}):
            answer = await client.post("/telegram/tg", json=update, headers=given)
            assert (answer.status_code, telegram.bus.events) == (401, [])
        known = {"X-Telegram-Bot-Api-Secret-Token": SECRET.get_secret_value()}
        broken = await client.post("/telegram/tg", content=b"{", headers=known)
        assert broken.status_code == 400
        answer = await client.post("/telegram/tg", json=update, headers=known)
    assert answer.status_code == 200
    assert len(telegram.bus.of(StepApproved)) == 1


# Feedback.


async def told_of(telegram, event, to=ROOM):
    reference = await telegram.messenger.tell(Telling(news(event), to), now=NOW)
    return telegram.cloud.messages[int(reference.split("/")[1])]


def replying(to, text, user=11):
    asked = {**to, "from": {"id": 1, "is_bot": True}}
    sender = {"id": user, "is_bot": False}
    message = {"message_id": 99, "chat": to["chat"], "from": sender, "text": text}
    return {"update_id": 5, "message": {**message, "reply_to_message": asked}}


async def test_one_press_says_whether_it_was_fixed_and_a_reply_adds_a_line(telegram):
    message = await told_of(telegram, resolved(time=NOW))
    await telegram.press(message, data_of(message)["✓ 4★"])
    assert telegram.notes() == ["Recorded: fixed, 4 of 5. Thank you."]
    asked = telegram.cloud.messages[2]
    await telegram.updates.take(replying(asked, "quick"))
    await telegram.press(message, data_of(message)["✗ 2★"])
    said = [(e.by, e.fixed, e.stars, e.comment) for e in telegram.bus.of(FeedbackGiven)]
    assert said == [
        (ALICE.email, True, 4, ""),
        (ALICE.email, True, 4, "quick"),
        (ALICE.email, False, 2, "quick"),
    ]
    assert [m["text"] for m in telegram.cloud.messages.values()][2:] == ["Recorded. Thank you."]


async def test_a_line_without_stars_of_ones_own_is_no_feedback(telegram):
    message = await told_of(telegram, resolved(time=NOW))
    await telegram.press(message, data_of(message)["✓ 5★"])
    await telegram.updates.take(replying(telegram.cloud.messages[2], "me too", user=22))
    assert len(telegram.bus.of(FeedbackGiven)) == 1
    assert telegram.cloud.messages[3]["text"] == "Press one of the stars first."


@pytest.mark.parametrize(
    ("data", "user"), [("fy4", 33), ("fy4", 22), ("fy9", 11), ("fx4", 11), ("fy44", 11)]
)
async def test_what_is_no_button_of_ones_own_is_no_feedback(telegram, data, user):
    message = await told_of(telegram, resolved(time=NOW), OWN)
    post = data_of(message)["✓ 4★"].partition(":")[2]
    await telegram.press(message, f"{data}:{post}", user)
    assert telegram.bus.events == []


async def test_where_nothing_ran_there_are_no_stars(telegram):
    assert "reply_markup" not in await told_of(telegram, escalated(tried=()))


async def test_several_questions_make_one_sound_and_each_has_its_buttons(telegram):
    made = [approval(approval_id=UUID(int=50 + n), ticket_id=UUID(int=60 + n)) for n in range(3)]
    askings = [Asking(await telegram.questions.open(one), ROOM, "https://h/a/x") for one in made]
    for _ in range(2):
        await telegram.messenger.gather(askings, now=NOW)
    first, *each = telegram.cloud.messages.values()
    assert first["text"].startswith("3 questions wait for an answer")
    assert "disable_notification" not in first
    for one in each:
        assert one["disable_notification"] is True
        assert one["reply_parameters"]["message_id"] == first["message_id"]
    await telegram.approve(each[1])
    assert len(telegram.bus.of(StepApproved)) == 1


async def test_very_many_questions_fit_the_message_that_tells_of_them(telegram):
    askings = [Asking(approval(approval_id=UUID(int=n)), ROOM, "") for n in range(200)]
    text = text_of_several(askings)["text"]
    assert len(text) < 4096
    assert " more\n" in text
