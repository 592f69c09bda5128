"""The notifier killed at the worst of moments: nothing is lost, and nothing happens twice."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import nats as client
import pytest
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from deploy.ports import free_port
from deploy.servers import nats_program, nats_url
from deploy.supervisor import Child
from services.notifier.linking import Linking
from services.notifier.recipients import Recipient
from services.notifier.store import question_of
from shared.events import StepApproved, StepAwaitingApproval
from shared.signing import Signer
from tests.bus.samples import make_bus
from tests.flows.world import SECRET, World, eventually
from tests.notifier.builders import asking, resolved
from tests.notifier.channels.slack.workspace import TOKEN, workspace
from tests.notifier.smtpd import Inbox

ANN = {"name": "Ann", "email": "ann@example.com"}
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.timeout(400)


class Slow(Inbox):
    """A server that says nothing to a command while it is told to; ``begun`` when one came."""

    def __init__(self):
        super().__init__()
        self.silent_at = ""
        self.begun = asyncio.Event()

    async def handle_RCPT(self, *said):  # noqa: N802 aiosmtpd's
        await self._wait("RCPT")
        return await super().handle_RCPT(*said)

    async def handle_DATA(self, *said):  # noqa: N802 aiosmtpd's
        taken = await super().handle_DATA(*said)
        await self._wait("DATA")
        return taken

    async def _wait(self, command):
        if self.silent_at == command:
            self.begun.set()
            await asyncio.Event().wait()


@asynccontextmanager
async def slow_server():
    inbox, loop = Slow(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(inbox, hostname="localhost", loop=loop), "127.0.0.1", 0
    )
    inbox.port = server.sockets[0].getsockname()[1]
    try:
        yield inbox
    finally:
        server.close()
        for transport in inbox.transports:
            transport.abort()


@pytest.fixture
async def nats(tmp_path):
    """A bus that the test may stop and start again, with what it has."""
    port = free_port(0)

    def child():
        program = nats_program(tmp_path / "nats", port)
        return Child(program.name, program.command, output=program.log, ready=program.ready)

    running = {"now": child()}
    await running["now"].start()

    async def again():
        running["now"] = child()
        await running["now"].start()

    async def stop():
        await running["now"].stop()

    yield nats_url(port), stop, again
    await running["now"].stop()


@pytest.fixture
async def world(stack, nats, tmp_path):
    made = World(tmp_path / "work", nats[0], stack.mongo_url, f"flow_{uuid4().hex}")
    yield made
    await made.close()


def configure(world, **more):
    config = {"people": [ANN], **more}
    (world.work / "handrail.yaml").write_text(json.dumps(config))


async def ask(world) -> StepAwaitingApproval:
    """Have a step wait for a yes, as the executor says it."""
    now = datetime.now(UTC)
    ids = {name: uuid4() for name in ("id", "ticket_id", "session_id", "approval_id")}
    event = asking(**ids, time=now, expires_at=now + HOUR)
    await publish(world, event)
    return event


async def publish(world, event):
    bus = make_bus("executor", world.nats_url)
    await bus.start()
    try:
        await bus.publish(Signer(SecretStr(SECRET)).signed_event(event))
    finally:
        await bus.stop()


def approval(world, event):
    return world.db.approvals.find_one({"_id": event.approval_id})


async def come_back(world):
    """Start it again, as if the time were over for which the dead one had claimed its round."""
    past = datetime.now(UTC) - HOUR
    claim = {"routing.claimed_until": past, "routing.next_at": past}
    world.db.approvals.update_many({}, {"$set": claim})
    await world.start("notifier")


def sent(world, event):
    return [to["status"] for to in approval(world, event)["recipients"]] == ["sent"]


@pytest.mark.parametrize(
    ("silent_at", "copies"), [("RCPT", 1), ("DATA", 2)], ids=["before it is taken", "after"]
)
async def test_killed_between_storing_and_sending_it_sends_the_mail(world, silent_at, copies):
    """Where the server had taken it, nobody can know that: the second has the same Message-ID."""
    configure(world)
    async with slow_server() as inbox:
        world.extra |= {
            "HANDRAIL_SMTP_URL": f"smtp://127.0.0.1:{inbox.port}?starttls=never",
            "HANDRAIL_MAIL_FROM": "handrail@example.com",
        }
        await world.start("notifier")
        inbox.silent_at = silent_at
        event = await ask(world)
        await asyncio.wait_for(inbox.begun.wait(), 60)
        await world.kill("notifier")
        assert not sent(world, event)
        inbox.silent_at = ""
        await come_back(world)
        await eventually(lambda: sent(world, event))
        ids = [mail["Message-ID"] for mail in inbox.mails]
    assert (len(ids), len(set(ids))) == (copies, 1)


async def test_killed_before_slack_said_that_it_has_the_message_it_posts_no_other(world):
    rooms = {"ops": {"kind": "slack", "room": "C0123"}}
    configure(world, channels=rooms, routes=[{"name": "all", "by": ["ops"]}])
    async with workspace() as there:
        world.extra |= {
            "HANDRAIL_SLACK_BOT_TOKEN": TOKEN,
            "HANDRAIL_SLACK_SIGNING_SECRET": "s" * 32,
            "HANDRAIL_SLACK_API_URL": f"{there.url}/api/",
        }
        await world.start("notifier")
        there.keeps_quiet = True
        event = await ask(world)
        await eventually(lambda: there.messages)
        await world.kill("notifier")
        there.keeps_quiet = False
        await come_back(world)
        await eventually(lambda: sent(world, event))
        assert len(there.messages) == 1
        (reference,) = there.messages
    assert world.db.posts.find_one({})["reference"] == reference


async def test_killed_between_a_decision_and_its_publication_it_tells_it_once(world, nats):
    _, stop, again = nats
    configure(world)
    await world.start("notifier")
    event = await ask(world)
    await eventually(lambda: (found := approval(world, event)) and found["recipients"])
    await eventually(lambda: sent(world, event))
    linking = Linking(Signer(SecretStr(SECRET)).link_key(), world.url("notifier", ""))
    to = Recipient(name=ANN["name"], email=ANN["email"])
    link = urlsplit(linking.link_for(to, question_of(approval(world, event)))).path
    await stop()
    answer = await world.http.post(world.url("notifier", link), data={"decision": "approve"})
    assert answer.status_code == 200
    assert approval(world, event)["outbox"]
    await world.kill("notifier")
    await again()
    await world.start("notifier")
    await eventually(lambda: not approval(world, event).get("outbox"))
    # Who presses again after the crash is told so, and nothing more is published.
    repeated = await world.http.post(world.url("notifier", link), data={"decision": "approve"})
    assert repeated.status_code == 409
    assert await published(world, StepApproved.subject) == 1


async def published(world, subject) -> int:
    """How many events of a kind the bus has."""
    connection = await client.connect(world.nats_url)
    try:
        js = connection.jetstream()
        name = await js.find_stream_name_by_subject(subject)
        info = await js.stream_info(name, subjects_filter=subject)
        return sum((info.state.subjects or {}).values())
    finally:
        await connection.close()


async def test_killed_while_it_holds_news_over_quiet_hours_it_tells_them_once(world):
    now = datetime.now(UTC)
    night = {"days": "every day", "from": f"{now - HOUR:%H:%M}", "to": f"{now + HOUR:%H:%M}"}
    route = {"name": "all", "outcomes": {}, "quiet": {"hours": [night], "severities": ["P3"]}}
    configure(world, routes=[route])
    await world.start("notifier")
    event = resolved(id=uuid4(), ticket_id=uuid4(), time=now)
    await publish(world, event)
    held = world.db.held_news
    await eventually(lambda: held.find_one({"_id": event.id}))
    await world.kill("notifier")
    outbox = world.work / "home" / "outbox"
    assert not list(outbox.glob("*.eml"))
    past = now - timedelta(minutes=1)
    held.update_one({"_id": event.id}, {"$set": {"at": past, "until": past}})
    for _ in range(2):
        await world.start("notifier")
        await eventually(lambda: not held.find_one({}))
        await publish(world, event)
        await world.kill("notifier")
    assert len(list(outbox.glob("*.eml"))) == 1
