"""The service as it is composed: settings, and the whole of it on real servers."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import nats
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from deploy.ports import free_port
from services.notifier.app import Settings, build
from services.notifier.channels.slack.signature import signature_of
from shared.errors import SettingsError
from shared.events import StepApproved
from shared.events.envelope import attributes
from shared.settings import load_settings
from shared.signing import Signer
from shared.telemetry import configure_logs
from tests.notifier.builders import asking, resolved
from tests.notifier.channels.slack.conftest import buttons, pressed
from tests.notifier.channels.slack.workspace import TOKEN, workspace

SECRET = "k" * 32
EXECUTOR = Signer(SecretStr(SECRET))
PEOPLE = """
people:
  - {name: Alice, email: alice@example.org}
"""

SLACK = """
people:
  - {name: Alice, email: alice@example.org, slack: U1}
channels:
  ops: {kind: slack, room: C0123}
"""
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def environment(monkeypatch, tmp_path, stack):
    """The settings of a notifier on the test's servers; a test may set more."""
    said = {
        **stack.environment(),
        "HANDRAIL_HOME": str(tmp_path),
        "HANDRAIL_MONGO_DATABASE": f"test_{uuid4().hex}",
        "HANDRAIL_NOTIFIER_PORT": str(free_port(0)),
        "HANDRAIL_SECRET_KEY": SECRET,
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_without_settings_each_missing_one_is_named(monkeypatch):
    monkeypatch.delenv("HANDRAIL_SECRET_KEY", raising=False)
    with pytest.raises(SettingsError, match="HANDRAIL_SECRET_KEY: is not set"):
        load_settings(Settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HANDRAIL_NOTIFIER_PORT", "eighty"),
        ("HANDRAIL_PUBLIC_URL", "ops.example.org"),
    ],
)
def test_a_wrong_setting_is_named(environment, name, value):
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings(Settings)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"HANDRAIL_SMTP_URL": "http://u:hidden@mail"}, "HANDRAIL_SMTP_URL"),
        ({"HANDRAIL_SMTP_URL": "smtp://u:hidden@mail"}, "HANDRAIL_MAIL_FROM"),
        (
            {"HANDRAIL_SMTP_URL": "smtp://mail", "HANDRAIL_MAIL_FROM": "nobody"},
            "HANDRAIL_MAIL_FROM",
        ),
        ({"HANDRAIL_MAIL_FROM": "a b@example.org"}, "HANDRAIL_MAIL_FROM"),
    ],
)
async def test_what_cannot_send_mails_does_not_start(environment, settings, named):
    for name, value in settings.items():
        environment.setenv(name, value)
    with pytest.raises(SettingsError, match=named) as told:
        build(load_settings(Settings))
    assert "hidden" not in str(told.value)


async def test_a_person_without_a_real_address_is_named_at_the_start(environment, tmp_path):
    config = tmp_path / "handrail.yaml"
    config.write_text("people: [{name: Alice, email: 'alice..@example.org'}]")
    environment.setenv("HANDRAIL_CONFIG", str(config))
    with pytest.raises(SettingsError, match=r"people: 'alice\.\.@example\.org'"):
        build(load_settings(Settings))


async def test_links_lead_to_this_service_where_no_public_url_is_set(environment):
    settings = load_settings(Settings)
    assert settings.links_to == f"http://127.0.0.1:{settings.notifier_port}"
    environment.setenv("HANDRAIL_PUBLIC_URL", "https://ops.example.org/handrail/")
    assert load_settings(Settings).links_to == "https://ops.example.org/handrail"


async def test_a_waiting_step_is_asked_for_answered_and_told_and_no_log_or_span_has_the_link(
    environment, tmp_path, stack
):
    config = tmp_path / "handrail.yaml"
    config.write_text(PEOPLE)
    environment.setenv("HANDRAIL_CONFIG", str(config))
    shown: asyncio.Queue[str] = asyncio.Queue()
    service = build(load_settings(Settings), announce=shown.put_nowait)
    spans = InMemorySpanExporter()
    service.tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    event = asking(
        id=uuid4(), approval_id=uuid4(), expires_at=datetime.now(UTC) + timedelta(hours=1)
    )
    logs = StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    configure_logs(stream=logs)
    running = asyncio.create_task(service.run())
    try:
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            await service.started.wait()
            bus = await nats.connect(stack.nats_url)
            told = await bus.jetstream().subscribe("step.approved", ordered_consumer=True)
            await service.bus.publish(EXECUTOR.signed_event(event))
            # The bus is shared with other tests: of all that is asked, ours has its own mail.
            mails = f"*-{event.approval_id.hex[:8]}-*.eml"
            while True:
                address = (await shown.get()).split()[-1]
                token = address.rsplit("/", 1)[1]
                if any(token in file.read_text() for file in (tmp_path / "outbox").glob(mails)):
                    break
            assert "systemctl restart shop-api" in (await client.get(address)).text
            answer = await client.post(address, data={"decision": "approve"})
            assert answer.status_code == 200
            approved = await _event(told, event.approval_id)
            await bus.close()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        root.handlers, root.level = before
    (decision,) = approved.decisions
    EXECUTOR.check(decision, approval_id=event.approval_id, step_hash=event.step_hash)
    assert decision.by == "alice@example.org"
    assert "approval.recorded" in logs.getvalue()
    assert token not in logs.getvalue()
    requests = [s for s in spans.get_finished_spans() if "/a/{token}" in s.name]
    assert len(requests) == 2
    assert all(token not in span.to_json() for span in spans.get_finished_spans())


async def test_a_question_goes_to_slack_is_answered_there_and_told_in_its_thread(
    environment, tmp_path, mongo_client
):
    config = tmp_path / "handrail.yaml"
    config.write_text(SLACK)
    async with workspace() as there:
        environment.setenv("HANDRAIL_CONFIG", str(config))
        environment.setenv("HANDRAIL_SLACK_BOT_TOKEN", TOKEN)
        environment.setenv("HANDRAIL_SLACK_SIGNING_SECRET", SLACK_SECRET)
        environment.setenv("HANDRAIL_SLACK_API_URL", f"{there.url}/api/")
        settings = load_settings(Settings)
        service = build(settings, announce=lambda _: None)
        ticket = uuid4()
        event = asking(
            id=uuid4(),
            ticket_id=ticket,
            ticket_title=f"down: {ticket}",
            approval_id=uuid4(),
            session_id=uuid4(),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        running = asyncio.create_task(service.run())
        try:
            async with asyncio.timeout(60), httpx.AsyncClient() as client:
                await service.started.wait()
                await service.bus.publish(EXECUTOR.signed_event(event))
                message = await _message(there, lambda m: buttons(m) and str(ticket) in m["text"])
                answer = await client.post(
                    f"http://127.0.0.1:{settings.notifier_port}/slack/interactions",
                    **_signed({"payload": json.dumps(pressed(message, "approve"))}),
                )
                assert answer.status_code == 200
                await _message(there, lambda m: m["ts"] == message["ts"] and not buttons(m))
                done = resolved(id=uuid4(), ticket_id=ticket, time=datetime.now(UTC))
                await service.bus.publish(done)
                told = await _message(there, lambda m: m.get("thread_ts") == message["ts"])
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert "Resolved" in json.dumps(told["blocks"])
    approvals = mongo_client[settings.mongo_database].approvals
    stored = await approvals.find_one({"_id": event.approval_id})
    assert (stored["state"], stored["decisions"][0]["channel"]) == ("approved", "slack")


async def _message(there, wanted):
    """The first message in the workspace of this kind, once it is there."""
    while True:
        found = [message for message in there.messages.values() if wanted(message)]
        if found:
            return found[0]
        await asyncio.sleep(0.02)


def _signed(form) -> dict:
    body = urlencode(form).encode()
    timestamp = str(int(datetime.now(UTC).timestamp()))
    signature = signature_of(body, timestamp=timestamp, secret=SecretStr(SLACK_SECRET))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature,
    }
    return {"content": body, "headers": headers}


@pytest.mark.parametrize(
    ("channels", "named"),
    [
        ("{ops: {kind: slack, room: C0123}}", "HANDRAIL_SLACK_BOT_TOKEN"),
        ("{t: {kind: teams, url: {env: NO_SUCH_SECRET}}}", "NO_SUCH_SECRET"),
        ("{p: {kind: apprise, url: {env: HANDRAIL_SECRET_KEY}}}", "apprise does not know"),
    ],
)
async def test_a_channel_that_cannot_work_does_not_start(environment, tmp_path, channels, named):
    config = tmp_path / "handrail.yaml"
    config.write_text(f"{PEOPLE}channels: {channels}\n")
    environment.setenv("HANDRAIL_CONFIG", str(config))
    with pytest.raises(SettingsError, match=named):
        build(load_settings(Settings))


async def test_buttons_without_a_way_back_do_not_start(environment, tmp_path):
    config = tmp_path / "handrail.yaml"
    config.write_text(SLACK)
    environment.setenv("HANDRAIL_CONFIG", str(config))
    environment.setenv("HANDRAIL_SLACK_BOT_TOKEN", TOKEN)
    with pytest.raises(SettingsError, match="HANDRAIL_SLACK_SIGNING_SECRET"):
        build(load_settings(Settings))


async def _event(subscription, approval_id) -> StepApproved:
    while True:
        message = await subscription.next_msg(timeout=20)
        event = StepApproved.model_validate(attributes(message.headers, message.data))
        if event.approval_id == approval_id:
            return event
