"""`handrail alert why`, on a store with a history."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.history.entry import Entry
from services.ingest.history.store import MongoHistory
from services.ingest.quarantine.kept import quarantined
from services.ingest.quarantine.store import MongoQuarantine
from services.ingest.sources.alertmanager import parse
from services.ingest.ticket import Decision
from services.ingest.webhook import Webhook
from tests.deploy.records import TICKET
from tests.ingest.payloads import body, fired

NOW = datetime.now(UTC)
NO = "trigger 'tests' does not open it: nobody looks (labels.env == \"test\")"
CONFIG = """\
sources:
  am: {kind: alertmanager, bearer: {env: NO_SUCH_SECRET}}
  shop: {kind: alertmanager, bearer: {env: NO_SUCH_SECRET}}
"""


def entry(source, name, instance, *, hours=1, ticket=None, **labels):
    (alert,) = parse(Webhook(source, body(fired(name, instance=instance, **labels))))
    decision = Decision.REPEATED if ticket else Decision.NOT_OPENED
    return Entry(alert, NOW - timedelta(hours=hours), decision, "" if ticket else NO, ticket)


DOWN = entry("am", "HostDown", "web-1", ticket=TICKET)
ENTRIES = [
    DOWN,
    entry("am", "Slow", "web-2", hours=2, zone="K\N{LATIN SMALL LETTER O WITH DIAERESIS}ln (a.b)"),
    entry("old", "HostDown", "db-1", hours=30),
]


@pytest.fixture
async def history(stored, tmp_path, monkeypatch):
    path = tmp_path / "handrail.yaml"
    path.write_text(CONFIG)
    monkeypatch.setenv("HANDRAIL_CONFIG", str(path))
    store = MongoHistory(stored, timedelta(days=90))
    await store.prepare()
    await store.keep(ENTRIES)
    return path


@pytest.fixture
async def broken(stored, history):
    kept = MongoQuarantine(stored, timedelta(days=30))
    await kept.prepare()
    for hours, text in ((3, '{"host": "K\\u00f6ln-7"}'), (1, '{"host": "db-9"}')):
        one = quarantined(
            Webhook("shop", text.encode()),
            kind="alertmanager",
            proofs=(),
            reason=f"no alerts in it, {hours}",
            problems=(),
            at=NOW - timedelta(hours=hours),
        )
        await kept.keep(one)


def why(handrail, *arguments):
    return json.loads(handrail("alert", "why", "--json", *arguments).stdout)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], ["web-1", "web-2"]),
        (["hostDOWN"], ["web-1"]),
        (["does not answer", "--since", "2d"], ["web-1", "web-2", "db-1"]),
        (["WEB-2"], ["web-2"]),
        (["k\N{LATIN SMALL LETTER O WITH DIAERESIS}ln (a.b)"], ["web-2"]),
        (["(a-b)"], []),
        ([".*"], []),
        (["$alert"], []),
        ([DOWN.alert.fingerprint[:10]], ["web-1"]),
        ([DOWN.alert.fingerprint[4:14]], []),
        (["--fingerprint", DOWN.alert.fingerprint], ["web-1"]),
        (["--source", "old"], []),
        (["--source", "old", "--since", "2d"], ["db-1"]),
        (["--limit", "1"], ["web-1"]),
    ],
)
def test_alerts_are_found_by_what_people_know_of_them(history, handrail, arguments, found):
    shown = why(handrail, *arguments)
    assert [one["alert"]["alert"]["resource"] for one in shown["alerts"]] == found


def test_what_was_decided_is_told_with_its_reason(history, handrail):
    shown = handrail("alert", "why", "Slow").stdout
    assert "am firing: web-2 does not answer (web-2)" in shown
    assert f"opened no ticket: {NO}" in shown


def test_how_the_ticket_stands_now_is_told(history, handrail):
    shown = handrail("alert", "why", "HostDown").stdout
    assert "counted on the ticket that there was" in shown
    assert "ticket aaaa0000 is in progress" in shown


def test_where_nothing_was_accepted_the_quarantine_is_told_of(broken, handrail):
    shown = handrail("alert", "why", "--source", "shop").stdout
    assert "No such alert was accepted since" in shown
    assert "In quarantine are 2 webhooks that were not understood" in shown
    assert "from shop: no alerts in it, 1" in shown
    assert "The source shop is configured; no alert of it was ever accepted" in shown


@pytest.mark.parametrize(
    ("text", "webhooks"),
    [("DB-9", 1), ("k\N{LATIN SMALL LETTER O WITH DIAERESIS}ln-7", 1), ("in it, 3", 1), ("x", 0)],
)
def test_a_text_is_looked_for_in_what_was_not_understood(broken, handrail, text, webhooks):
    found = why(handrail, text)
    assert (found["quarantine"] or {"webhooks": 0})["webhooks"] == webhooks


def test_a_source_that_is_not_configured_is_said_to_be(history, handrail):
    shown = handrail("alert", "why", "--source", "shap").stdout
    assert "No source shap is configured: what is posted to /webhooks/shap is answered" in shown
    assert "Nothing about it is in quarantine" in shown


def test_without_a_source_each_that_is_configured_is_told(history, handrail):
    seen = {one["name"]: one for one in why(handrail, "nothing like it")["sources"]}
    assert {name: one["configured"] for name, one in seen.items()} == {"am": True, "shop": True}
    assert seen["am"]["last_alert_at"] is not None
    assert seen["shop"]["last_alert_at"] is None


def test_without_any_source_that_is_told(history, handrail):
    history.write_text("{}\n")
    assert "No source is configured" in handrail("alert", "why", "nothing like it").stdout
