"""What the doctor says of channels: against local servers that answer as the real ones do."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from deploy.channels import channels, undelivered
from deploy.connection import Place
from deploy.doctor import examine
from services.notifier.recipients import Recipient, Status
from services.notifier.store import MongoNotifications, MongoQuestions
from shared.config import Config
from shared.config.channels import Channels
from tests.notifier.builders import approval, resolved
from tests.notifier.channels.server import other_system
from tests.notifier.channels.slack.workspace import TOKEN, workspace

BOT, SIGNING, APP = (
    f"HANDRAIL_SLACK_{name}" for name in ("BOT_TOKEN", "SIGNING_SECRET", "APP_TOKEN")
)


def config(**said) -> Config:
    return Config(channels=TypeAdapter(Channels).validate_python(said))


async def told(made, environment) -> list[str]:
    return [f"{one.level} {one.what}: {one.told}" for one in await channels(made, environment)]


ROOM = config(ops={"kind": "slack", "room": "C0123"})


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "wrong slack: HANDRAIL_SLACK_BOT_TOKEN is not set"),
        ({SIGNING: "s"}, "wrong slack: HANDRAIL_SLACK_BOT_TOKEN is not set"),
        ({BOT: TOKEN}, "wrong slack: no button works: set HANDRAIL_SLACK_SIGNING_SECRET"),
        ({BOT: TOKEN, SIGNING: "s"}, "ok slack: handrail in Example"),
        ({BOT: TOKEN, APP: "xapp-1"}, "ok slack: handrail in Example"),
        ({BOT: "xoxb-revoked", SIGNING: "s"}, "wrong slack: Slack, auth.test: invalid_auth"),
    ],
    ids=["nothing", "no token", "no way back", "all", "a socket", "a token that is none"],
)
async def test_the_app_in_slack_is_there_whole_and_works(environment, said):
    async with workspace() as there:
        api = {"HANDRAIL_SLACK_API_URL": f"{there.url}/api/"}
        (found,) = await told(ROOM, environment | api)
    assert found.startswith(said)


async def test_a_token_in_the_place_of_another_is_seen():
    async with workspace() as there:
        api = {"HANDRAIL_SLACK_API_URL": f"{there.url}/api/"}
        found = await told(ROOM, {BOT: TOKEN, APP: "xoxb-1", **api})
    assert found[-1] == "wrong slack: HANDRAIL_SLACK_APP_TOKEN: such a token begins with xapp-"


async def test_an_app_that_nothing_uses_is_told():
    assert await told(config(), {}) == []
    async with workspace() as there:
        api = {"HANDRAIL_SLACK_API_URL": f"{there.url}/api/"}
        (found,) = await told(config(), {BOT: TOKEN, SIGNING: "s", **api})
    assert found.startswith("note slack: handrail in Example, but no channel")


@asynccontextmanager
async def answering(status, body=None):
    async with other_system() as other:
        other.usual = (status, body or {})
        yield other.url


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("webhook", 405, "ok channel one: answers"),
        ("webhook", 410, "wrong channel one: answers 410: there is nothing any more"),
        ("teams", 202, "ok channel one: answers"),
        ("pagerduty", 200, "ok channel one: answers"),
        ("pagerduty", 401, "wrong channel one: the credential is answered with 401"),
        ("telegram", 404, "wrong channel one: Telegram, getMe: 404"),
    ],
    ids=["webhook", "webhook-gone", "teams", "pagerduty", "pagerduty-refused", "telegram-refused"],
)
async def test_each_channel_is_asked_as_far_as_nothing_is_sent(monkeypatch, kind, status, said):
    monkeypatch.setenv("A_SECRET", "s3cret")
    async with answering(status) as url:
        monkeypatch.setenv("AN_ADDRESS", f"{url}/workflow")
        secret, address = {"env": "A_SECRET"}, {"env": "AN_ADDRESS"}
        settings = {
            "webhook": {"url": url, "secret": secret},
            "teams": {"url": address},
            "pagerduty": {"url": url, "token": secret, "from": "a@example.org"},
            "telegram": {"url": url, "token": secret},
        }[kind]
        assert await told(config(one={"kind": kind, **settings}), {}) == [said]


async def test_nobody_there_is_told_without_the_address(monkeypatch):
    monkeypatch.setenv("AN_ADDRESS", "http://127.0.0.1:1/s3cret")
    (found,) = await told(config(one={"kind": "teams", "url": {"env": "AN_ADDRESS"}}), {})
    assert found == "wrong channel one: cannot be reached (ConnectError)"


async def test_what_was_not_delivered_of_late_is_told_with_the_last_reason(db, stack, tmp_path):
    now = datetime.now(UTC)
    lost = [
        Recipient(name="x", email=f"x{n}@example.org", via=via, status=status, at=at, error=error)
        for n, (via, status, at, error) in enumerate(
            [
                ("", Status.BOUNCED, now, "came back: 5.1.1"),
                ("", Status.FAILED, now - timedelta(hours=1), "550 no such user"),
                ("", Status.SENT, now, ""),
                ("hook", Status.FAILED, now, "hook: answered 410"),
            ]
        )
    ]

    async def publish(*_events):
        """Nothing is published."""

    asked = approval().model_copy(update={"recipients": tuple(lost), "created_at": now})
    await MongoQuestions(db, publish).open(asked)
    old = [lost[3].model_copy(update={"error": "long ago"})]
    await MongoNotifications(db).open(resolved(), old, now - timedelta(days=2))
    await MongoNotifications(db).open(resolved(id=UUID(int=77)), lost[3:], now)
    environment = {
        "HANDRAIL_HOME": str(tmp_path),
        "HANDRAIL_MONGO_URL": stack.mongo_url,
        "HANDRAIL_MONGO_DATABASE": db.name,
    }
    found = await undelivered(Place.of(environment))
    assert [(one.what, one.told.split(",")[0], one.told.split(": ", 1)[1]) for one in found] == [
        ("channel email", "2 not delivered within a day", "came back: 5.1.1"),
        ("channel hook", "2 not delivered within a day", "hook: answered 410"),
    ]
    whole = await examine(environment | {"HANDRAIL_SECRET_KEY": "k" * 32})
    assert any(one.what == "channel hook" for one in whole)
