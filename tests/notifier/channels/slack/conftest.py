import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from services.notifier.channels.answering import Answering
from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.revising import Reviser
from services.notifier.channels.slack.api import slack_routes
from services.notifier.channels.slack.blocks import shows_all
from services.notifier.channels.slack.commands import Commands
from services.notifier.channels.slack.conversation import Conversation
from services.notifier.channels.slack.members import Members
from services.notifier.channels.slack.messenger import SlackMessenger
from services.notifier.channels.slack.signature import signature_of
from services.notifier.channels.slack.web import Credentials, Web
from services.notifier.desk import Desk
from services.notifier.feedback.giving import Giving
from services.notifier.links import Channel
from services.notifier.recipients import Recipient
from shared.config import Person
from tests.notifier.builders import NOW, SIGNER
from tests.notifier.channels.fakes import FakePosts
from tests.notifier.channels.slack.workspace import TOKEN, workspace
from tests.notifier.fakes import Bus, Clock, FakeFeedbacks, FakeQuestions

SECRET = SecretStr("8f742231b10e8888abcd99yyyzzz85a5")
ROOM = Recipient.room("ops", address="C1", name="#ops")
ALICE = Person(name="Alice", email="alice@example.org", slack="U1")
BOB = Person(name="Bob", email="bob@example.org")


@dataclass
class Slack:
    """Handrail and a workspace, and what people do in it."""

    workspace: object
    web: Web
    messenger: SlackMessenger
    posts: FakePosts
    questions: FakeQuestions
    conversation: Conversation
    client: httpx.AsyncClient
    clock: Clock
    bus: Bus

    async def ask(self, question, to=ROOM):
        """Ask it; returns the message that stands in the workspace."""
        asked = await self.questions.open(question)
        reference = await self.messenger.ask(Asking(asked, to, "https://h/a/x"), now=NOW)
        return self.workspace.messages[reference]

    async def tell(self, news, to=ROOM):
        reference = await self.messenger.tell(Telling(news, to), now=NOW)
        return self.workspace.messages[reference]

    async def look(self):
        await Reviser(self.posts, self.questions, {"ops": self.messenger}).look()

    async def press(self, message, name, user="U1", **changes):
        """Press the button of a message whose id begins with `name`."""
        said = pressed(message, name, user) | changes
        return await self.post("/slack/interactions", {"payload": json.dumps(said)})

    async def send_off(self, opened, user="U1", **chosen):
        """Send a modal off with these values, by their blocks; returns what Slack is told."""
        payload = json.dumps(sent_off(opened, user, **chosen))
        answer = await self.post("/slack/interactions", {"payload": payload})
        return answer.json() if answer.content else None

    async def submit(self, reason, value, user="U1"):
        payload = json.dumps(submission(reason, value, user))
        return await self.post("/slack/interactions", {"payload": payload})

    async def command(self, text, user="U1"):
        said = {"command": "/handrail", "text": text, "user_id": user, "trigger_id": "t"}
        return (await self.post("/slack/commands", said)).json()["text"]

    async def post(self, path, form, *, at=NOW, secret=SECRET, body=None):
        raw = urlencode(form).encode()
        timestamp = str(int(at.timestamp()))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature_of(raw, timestamp=timestamp, secret=secret),
        }
        return await self.client.post(path, content=body or raw, headers=headers)

    def whispers(self):
        return [said["text"] for said in self.workspace.of("chat.postEphemeral")]

    async def state(self, question):
        return (await self.questions.find(question.id)).state


def buttons(message):
    return {
        element["action_id"]: element
        for block in message["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }


def submission(reason, value, user="U1"):
    view = {
        "callback_id": "reject",
        "private_metadata": value,
        "state": {"values": {"reason": {"reason": {"value": reason}}}},
    }
    return {"type": "view_submission", "user": {"id": user}, "view": view}


def pressed(message, name, user="U1"):
    button = buttons(message)[name]
    return {
        "type": "block_actions",
        "user": {"id": user, "username": "whoever"},
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        "container": {
            "type": "message",
            "message_ts": message["ts"],
            "channel_id": message["channel"],
        },
        "actions": [{"action_id": name, "value": button["value"], "type": "button"}],
    }


@pytest.fixture
async def slack():
    async with handrail_in_slack() as made:
        yield made


@asynccontextmanager
async def handrail_in_slack(people=(ALICE, BOB)):
    bus, clock = Bus(), Clock()
    questions = FakeQuestions(bus.publish)
    posts = FakePosts(questions)
    desk = Desk(questions, SIGNER, clock)
    async with workspace() as there:
        there.member("U1", "someone@example.net")
        there.member("U2", BOB.email)
        web = Web(Credentials(SecretStr(TOKEN), f"{there.url}/api/"))
        members = Members(web, people)
        answering = Answering(posts, questions, desk, Channel.SLACK, shows_all=shows_all)
        feedbacks = FakeFeedbacks(bus.publish)
        conversation = Conversation(
            web,
            members,
            answering,
            Commands(questions, answering),
            giving=Giving(posts, feedbacks, clock),
        )
        api = FastAPI()
        api.include_router(slack_routes(conversation, secret=SECRET, now=clock))
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
            yield Slack(
                there,
                web,
                SlackMessenger(web, posts, members, lambda to, _: f"https://h/a/{to.key}"),
                posts,
                questions,
                conversation,
                client,
                clock,
                bus,
            )
        await web.close()


def sent_off(opened, user="U1", **chosen):
    """What Slack sends when a modal is sent off with these values, by their blocks."""
    view = opened["view"]
    values = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            given = chosen.get(block["block_id"].replace("-", "_"))
            values[block["block_id"]] = {element["action_id"]: _state(element, given)}
    said = {key: view[key] for key in ("callback_id", "private_metadata")}
    return {
        "type": "view_submission",
        "user": {"id": user},
        "view": {**said, "state": {"values": values}},
    }


def _state(element, given):
    if element["type"] == "plain_text_input":
        value = element.get("initial_value") if given is None else given
        return {"type": element["type"], "value": value or None}
    options = {one["text"]["text"]: one for one in element["options"]}
    chosen = element.get("initial_option") if given is None else options[given]
    return {"type": element["type"], "selected_option": chosen}
