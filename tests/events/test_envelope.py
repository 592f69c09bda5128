"""Events and how they travel."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from pydantic import ValidationError

from shared.events import CATALOG, MalformedEventError, StepApproved, TicketClosed, TicketCreated
from shared.events.envelope import derived_id
from tests.events.examples import ALERT, EXAMPLES, NOW, ORIGIN


def test_every_event_has_an_example():
    assert [type(example) for example in EXAMPLES] == list(CATALOG)


def test_the_subjects_are_the_published_interface():
    assert {event.subject for event in CATALOG} == {
        *("ticket.created", "ticket.updated", "ticket.triaged", "ticket.closed"),
        *("ticket.resolved", "ticket.escalated", "ticket.reopened", "plan.ready"),
        *("step.awaiting_approval", "step.approved", "step.rejected", "step.started", "step.done"),
        *("session.started", "session.finished", "notification.sent", "notification.failed"),
        *("plan.choice_needed", "plan.chosen", "feedback.given", "session.directed"),
        *("question.asked", "question.answered", "step.held", "ticket.directed", "plan.requested"),
        *("step.approval_withdrawn", "step.change_proposed"),
    }


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.subject)
def test_what_is_written_is_what_is_read(event):
    assert type(event).read(event.headers(source="test"), event.body()) == event


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.subject)
def test_fields_of_a_newer_writer_are_ignored_at_every_depth(event):
    newer = _with_more(json.loads(event.body()))
    body = json.dumps(newer).encode()
    assert type(event).read(event.headers(source="test"), body) == event


def _with_more(value):
    """The same data with one more field in every object but those that map free names."""
    match value:
        case {"job": _} | {"summary": str()} | {"graph": _} | {"service": _} | {"disk_free": _}:
            return value
        case dict() if value:
            return {**{name: _with_more(each) for name, each in value.items()}, "more": 1}
        case list():
            return [_with_more(each) for each in value]
    return value


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.subject)
def test_an_event_cannot_be_changed(event):
    with pytest.raises(ValidationError):
        event.ticket_id = uuid4()


def test_the_event_that_a_cause_leads_to_has_the_same_id_however_often_it_is_made():
    cause = EXAMPLES[0]
    made = [
        TicketClosed.following(cause, verdict="false", confidence=1, severity="P4", reasons=())
        for _ in range(2)
    ]
    assert made[0].id == made[1].id == derived_id(cause.id, "ticket.closed")
    assert made[0].ticket_id == cause.ticket_id


@pytest.mark.parametrize(
    "other",
    [
        derived_id(uuid4(), "ticket.closed"),
        derived_id(ORIGIN, "ticket.created"),
        derived_id(ORIGIN, "ticket.closed", "second"),
    ],
)
def test_other_causes_subjects_and_keys_lead_to_other_ids(other):
    assert other != derived_id(ORIGIN, "ticket.closed")


def test_a_time_without_a_zone_is_refused():
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 that is the point
    with pytest.raises(ValidationError, match="timezone"):
        TicketCreated(id=uuid4(), ticket_id=uuid4(), time=naive, alert=ALERT)


def test_a_time_of_another_zone_is_the_same_time_when_read():
    there = datetime(2026, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1)))
    event = TicketCreated(id=uuid4(), ticket_id=uuid4(), time=there, alert=ALERT)
    read = TicketCreated.read(event.headers(source="test"), event.body())
    assert read.time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_an_event_happens_now_unless_it_says_when():
    before = datetime.now(UTC)
    event = TicketCreated(id=uuid4(), ticket_id=uuid4(), alert=ALERT)
    assert before <= event.time <= datetime.now(UTC)


@pytest.mark.parametrize("body", [b"", b"null", b'"text"', b"7", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_malformed(body):
    headers = EXAMPLES[0].headers(source="test")
    with pytest.raises(MalformedEventError, match="the body is no JSON object"):
        TicketCreated.read(headers, body)


def test_a_malformed_event_is_told_with_every_mistake_and_without_its_values():
    headers = {"ce-id": "x", "ce-time": NOW.isoformat()}
    with pytest.raises(MalformedEventError) as caught:
        StepApproved.read(headers, b'{"ticket_id": "hunter2", "decisions": [{"answer": 1}]}')
    said = str(caught.value)
    assert said.startswith("this is no step.approved: ")
    for mistake in ("id: ", "ticket_id: ", "session_id: Field required", "decisions.0.answer: "):
        assert mistake in said
    assert "hunter2" not in said


def test_the_body_cannot_name_another_id_than_the_header():
    event = EXAMPLES[0]
    forged = json.dumps({**json.loads(event.body()), "id": str(uuid4())}).encode()
    assert TicketCreated.read(event.headers(source="test"), forged).id == event.id
