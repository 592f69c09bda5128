"""What one notification says of each problem, and which events come of it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.ingest.ruling import plainly
from services.ingest.sources.alertmanager import parse
from services.ingest.telling import events_of
from services.ingest.ticket import Decision, Recorded, collapsed, variant
from services.ingest.webhook import Webhook
from shared.events import AlertStatus, Change, TicketCreated, TicketUpdated
from shared.lifecycle import TicketState
from tests.ingest.payloads import body, fired, over

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
WARNING, CRITICAL = {"severity": "warning"}, {"severity": "critical"}


def said(*alerts):
    return collapsed(plainly(alert, NOW) for alert in parse(Webhook("am", body(*alerts))))


def recorded(alert=None, **fields):
    (one,) = said(alert or fired())
    decision = Decision.REPEATED if one.fired else Decision.RESOLVED
    standing = {"decision": decision, "state": TicketState.TRIAGED, "count": 1, "gone": False}
    return Recorded(ticket_id=uuid4(), alert=one.alert, created_at=NOW, **(standing | fields))


def test_each_problem_is_there_once_in_the_order_of_its_first_mention():
    two = said(fired(instance="b"), fired(instance="a"), fired(instance="b"))
    assert [one.alert.labels["instance"] for one in two] == ["b", "a"]


@pytest.mark.parametrize(
    ("alerts", "tells", "counts"),
    [
        ([fired()], "critical firing", (1, 1, 0)),
        ([over()], "critical resolved", (0, 0, 1)),
        ([fired(), fired()], "critical firing", (2, 1, 0)),
        ([fired(), over()], "critical resolved", (1, 0, 1)),
        ([over(), fired()], "critical firing", (1, 1, 0)),
        ([fired(**WARNING), fired(**CRITICAL)], "critical firing", (2, 2, 0)),
        ([fired(**CRITICAL), over(**WARNING)], "critical firing", (1, 1, 1)),
        ([over(**CRITICAL), fired(**WARNING)], "warning firing", (1, 1, 1)),
        ([over(**CRITICAL), over(**WARNING)], "warning resolved", (0, 0, 2)),
    ],
)
def test_a_problem_is_there_while_any_of_its_alerts_fires(alerts, tells, counts):
    (one,) = said(*alerts)
    assert f"{one.alert.labels['severity']} {one.alert.status}" == tells
    assert (one.fired, len(one.firing), len(one.over)) == counts


def test_firing_and_resolved_are_the_same_variant():
    (firing,), (resolved,) = parse(Webhook("am", body(fired()))), parse(Webhook("am", body(over())))
    assert variant(firing) == variant(resolved)


@pytest.mark.parametrize(
    ("alert", "standing", "events"),
    [
        (fired(), {"decision": Decision.OPENED, "state": TicketState.NEW}, ["ticket.created"]),
        (fired(), {"state": TicketState.NEW, "count": 2}, ["ticket.created", "repeated"]),
        (fired(), {"count": 2}, ["repeated"]),
        (over(), {"gone": True}, ["resolved_at_source"]),
        (over(), {"gone": False}, []),
        (
            over(),
            {"decision": Decision.OPENED, "state": TicketState.NEW, "gone": True},
            ["ticket.created", "resolved_at_source"],
        ),
    ],
    ids=["opened", "repeated, not judged", "repeated", "gone", "another still fires", "both"],
)
def test_what_is_told_follows_from_what_was_recorded(alert, standing, events):
    names = [
        event.change.value if isinstance(event, TicketUpdated) else event.subject
        for event in events_of(recorded(alert, **standing), NOW, new_id=uuid4)
    ]
    assert names == events


def test_an_opening_has_the_same_id_however_often_it_is_told():
    one = recorded(decision=Decision.OPENED, state=TicketState.NEW)
    again = Recorded(**{**vars(one), "decision": Decision.REPEATED, "count": 2})
    (first,), (second, _) = (events_of(each, NOW, new_id=uuid4) for each in (one, again))
    assert isinstance(first, TicketCreated)
    assert (first.id, first.time) == (second.id, second.time)


def test_each_update_is_an_event_of_its_own():
    one = recorded(count=2)
    first, second = (events_of(one, NOW, new_id=uuid4)[0] for _ in range(2))
    assert first.id != second.id


def test_an_update_tells_how_often_it_fired_and_what_the_source_said_last():
    (update,) = events_of(recorded(over(), gone=True, count=7), NOW, new_id=uuid4)
    assert (update.change, update.count) == (Change.RESOLVED_AT_SOURCE, 7)
    assert update.alert.status is AlertStatus.RESOLVED
