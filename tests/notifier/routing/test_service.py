"""The notifier as it is composed: schedules are fetched, and routes followed, on real servers."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from deploy.ports import free_port
from services.notifier.app import Settings, build
from shared.settings import load_settings
from shared.signing import Signer
from tests.notifier.builders import asking
from tests.oncall.vendors import vendor
from tests.running import running, until

SECRET = "s" * 32
EXECUTOR = Signer(SecretStr(SECRET))

CONFIG = """\
people:
- {name: Alice, email: alice@example.org}
- {name: Bob, email: bob@example.org}
- {name: Cy, email: cy@example.org}
schedules:
  web: {opsgenie: {schedule: web team, key: {env: OG}, url: "URL"}}
routes:
- name: web
  when: ticket.severity == "P1" && target.name == "web-1"
  to: ["on-call:web"]
  escalate: [{after: 1s, to: [cy@example.org]}]
"""


@pytest.fixture
def settings(monkeypatch, tmp_path, stack):
    said = {
        **stack.environment(),
        "HANDRAIL_HOME": str(tmp_path),
        "HANDRAIL_MONGO_DATABASE": f"test_{uuid4().hex}",
        "HANDRAIL_NOTIFIER_PORT": str(free_port(0)),
        "HANDRAIL_SECRET_KEY": SECRET,
        "HANDRAIL_CONFIG": str(tmp_path / "handrail.yaml"),
        "OG": "og-key",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return lambda: load_settings(Settings)


async def test_who_is_on_call_by_opsgenie_is_asked_and_then_who_comes_next(
    settings, tmp_path, mongo_client
):
    async with vendor() as kept:
        kept.recipients = ["bob@example.org"]
        (tmp_path / "handrail.yaml").write_text(CONFIG.replace("URL", kept.url))
        said = settings()
        db = mongo_client.get_database(said.mongo_database)
        service = build(said, announce=lambda _: None)
        event = asking(
            id=uuid4(),
            approval_id=uuid4(),
            session_id=uuid4(),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )

        async def told():
            found = await db.approvals.find_one({"_id": event.approval_id})
            listed = found["recipients"] if found else ()
            done = [(to["email"], to["round"]) for to in listed if to["status"] == "sent"]
            return done if len(done) == 2 else None

        async with running(service):
            await until(lambda: kept.requests, within=30)
            await until(lambda: db.oncall.find_one({"fetched_at": {"$ne": None}}), within=30)
            await service.bus.publish(EXECUTOR.signed_event(event))
            asked = await until(told, within=60)
    await mongo_client.drop_database(said.mongo_database)
    assert asked == [("bob@example.org", ""), ("cy@example.org", "escalate-1")]
