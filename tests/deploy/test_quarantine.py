"""What was not understood, on the command line: looked at, tried again, forgotten."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.quarantine.kept import BODY_KEPT, quarantined
from services.ingest.quarantine.store import MongoQuarantine
from services.ingest.webhook import Webhook
from tests.ingest.payloads import body, fired
from tests.running import streams

CONFIG = """\
sources:
  am: {kind: KIND, bearer: {env: NO_SUCH_SECRET}}
"""


def kept(content, at=None):
    return quarantined(
        Webhook("am", content, {"content-type": "application/json"}),
        kind="alertmanager",
        proofs=(),
        reason="this is no am notification",
        problems=("body: no",),
        at=at or datetime.now(UTC),
    )


GOOD = kept(body(fired()))
BAD = kept(b"\xff{", at=datetime.now(UTC) - timedelta(hours=2))
LARGE = kept(b" " * (BODY_KEPT + 1), at=datetime.now(UTC) - timedelta(hours=3))


@pytest.fixture
async def config(stored, stack, tmp_path, monkeypatch):
    """Three webhooks in quarantine, and a way to say what their source is."""
    quarantine = MongoQuarantine(stored, timedelta(days=30))
    await quarantine.prepare()
    for one in (GOOD, BAD, LARGE):
        await quarantine.keep(one)
    path = tmp_path / "handrail.yaml"
    monkeypatch.setenv("HANDRAIL_CONFIG", str(path))

    def write(kind):
        path.write_text(CONFIG.replace("KIND", kind))

    write("alertmanager")
    async with streams(stack.nats_url) as found:
        await found.skip_to_now()
    return write


def listed(handrail):
    return [one["id"] for one in json.loads(handrail("quarantine", "list", "--json").stdout)]


def test_what_came_last_is_listed_first(config, handrail):
    assert listed(handrail) == [str(one.id) for one in (GOOD, BAD, LARGE)]
    shown = handrail("quarantine", "list", "--source", "am").stdout
    assert str(BAD.id)[:8] in shown
    assert "this is no am notification" in shown
    assert "nothing" in handrail("quarantine", "list", "--source", "other").stdout


def test_one_is_shown_with_its_body(config, handrail):
    shown = handrail("quarantine", "show", str(GOOD.id)[:8]).stdout
    assert "TargetDown" in shown
    assert "body: no" in shown
    assert json.loads(handrail("quarantine", "show", str(BAD.id), "--json").stdout)["body"] == (
        "\\xff{"
    )
    assert (
        "Only 1048576 of its 1048577 bytes" in handrail("quarantine", "show", str(LARGE.id)).stdout
    )


async def test_what_is_understood_now_becomes_a_ticket_and_leaves(config, stored, stack, handrail):
    shown = await asyncio.to_thread(handrail, "quarantine", "replay", str(GOOD.id), "--json")
    ((ticket,),) = [one["tickets"] for one in json.loads(shown.stdout)]
    assert ticket["opened"]
    document = await stored.tickets.find_one({"source": "am"})
    assert (str(document["_id"]), document["count"]) == (ticket["id"], 1)
    assert document["announced"]
    assert await stored.quarantine.find_one({"_id": GOOD.id}) is None
    async with streams(stack.nats_url) as found:
        assert len(await found.of_ticket(ticket["id"], "ticket.created")) == 1


@pytest.mark.parametrize(
    ("one", "kind", "told"),
    [
        (BAD, "alertmanager", "is not understood: this is no am notification"),
        (LARGE, "alertmanager", "have it sent again"),
        (GOOD, "nosuch", "there is no kind nosuch"),
    ],
)
def test_what_is_not_understood_stays(config, handrail, one, kind, told):
    config(kind)
    refused = handrail("quarantine", "replay", str(one.id), code=2 if one is GOOD else 1)
    assert told in refused.stderr
    assert str(one.id) in listed(handrail)


def test_what_is_dropped_is_gone(config, handrail):
    handrail("quarantine", "drop", str(BAD.id)[:8])
    assert str(BAD.id) not in listed(handrail)
    assert "there is no webhook" in handrail("quarantine", "drop", str(BAD.id), code=1).stderr
