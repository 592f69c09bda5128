"""The history of alerts on the command line."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.history.entry import Entry
from services.ingest.history.store import MongoHistory
from services.ingest.sources.alertmanager import parse
from services.ingest.ticket import Decision
from services.ingest.webhook import Webhook
from tests.deploy.records import OTHER, TICKET
from tests.ingest.payloads import body, fired

NOW = datetime.now(UTC)


def entry(source, instance, *, hours, ticket=None):
    (alert,) = parse(Webhook(source, body(fired(instance=instance))))
    decision = Decision.REPEATED if ticket else Decision.NOT_OPENED
    because = "" if ticket else "trigger 'tests' does not open it"
    return Entry(alert, NOW - timedelta(hours=hours), decision, because, ticket)


ENTRIES = [
    entry("am", "a", hours=50),
    entry("am", "b", hours=5, ticket=OTHER),
    entry("other", "c", hours=3, ticket=TICKET),
    entry("am", "d", hours=1, ticket=TICKET),
]


@pytest.fixture
async def history(stored):
    store = MongoHistory(stored, timedelta(days=90))
    await store.prepare()
    await store.keep(ENTRIES)


@pytest.mark.parametrize(
    ("options", "resources"),
    [
        ([], "dcba"),
        (["--limit", "2"], "dc"),
        (["--source", "am"], "dba"),
        (["--fingerprint", ENTRIES[1].alert.fingerprint], "b"),
        (["--fingerprint", ENTRIES[1].alert.fingerprint[:8].upper()], "b"),
        (["--ticket", str(TICKET)[:8]], "dc"),
        (["--since", "4h"], "dc"),
        (["--since", "2d"], "dcb"),
        (["--since", (NOW - timedelta(hours=2)).isoformat()], "d"),
        (["--since", "6h", "--source", "am"], "db"),
        (["--source", "none"], ""),
    ],
)
def test_alerts_are_chosen_and_the_newest_is_first(history, handrail, options, resources):
    shown = json.loads(handrail("alert", "list", "--json", *options).stdout)
    assert "".join(one["alert"]["resource"] for one in shown) == resources


def test_people_see_alerts_as_a_table(history, handrail):
    shown = handrail("alert", "list").stdout
    assert "d does not answer" in shown
    assert str(TICKET)[:8] in shown
    assert "repeated" in shown
    assert "not opened" in shown
    assert "trigger 'tests' does not open it" in shown
    assert "no such alerts" in handrail("alert", "list", "--source", "none").stdout


@pytest.mark.parametrize("since", ["yesterday", "5", "2026-13-01"])
def test_a_time_that_is_none_is_told(history, handrail, since):
    assert "is no time" in handrail("alert", "list", "--since", since, code=2).stderr


def test_programs_see_what_was_decided_and_why(history, handrail):
    (shown,) = json.loads(handrail("alert", "list", "--json", "--since", "60h").stdout)[-1:]
    assert (shown["decision"], shown["because"]) == (
        "not_opened",
        "trigger 'tests' does not open it",
    )


def test_a_ticket_that_is_not_there_is_told(history, handrail):
    assert "there is no ticket" in handrail("alert", "list", "--ticket", "ff", code=1).stderr
