"""Timelines are chained: what was changed, taken out or moved shows."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest

from services.console.chain import GENESIS, Entry, chained, entry_of, first_break
from shared.bus import Envelope
from shared.events import FeedbackGiven, TicketEscalated

NOW = datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
KEPT = NOW.replace(microsecond=123000)
TICKET = uuid4()


def entry(n=0, **fields):
    made = {
        "event_id": uuid4(),
        "ticket_id": TICKET,
        "at": KEPT + timedelta(seconds=n),
        "subject": "ticket.created",
        "who": "ingest",
        "what": "ticket.created",
        "why": "",
        "data": "{}",
    }
    return Entry(**(made | fields))


def chain(length=5):
    return chained((entry(n) for n in range(length)), seq=0, prev=GENESIS)


def test_a_chain_counts_from_one_and_each_entry_follows_the_one_before():
    entries = chain()
    assert [one.seq for one in entries] == [1, 2, 3, 4, 5]
    assert [one.prev for one in entries] == [GENESIS, *(one.hash for one in entries[:-1])]
    assert first_break(entries) is None


def test_an_empty_timeline_is_whole():
    assert first_break([]) is None


def test_a_chain_goes_on_where_it_ended():
    first = chain(3)
    more = chained([entry(8), entry(9)], seq=3, prev=first[-1].hash)
    assert first_break([*first, *more]) is None


CHANGES = {
    "event_id": uuid4(),
    "ticket_id": uuid4(),
    "at": KEPT - timedelta(milliseconds=1),
    "subject": "ticket.closed",
    "who": "somebody else",
    "what": "nothing",
    "why": "no reason",
    "data": '{"changed": true}',
    "seq": 7,
    "prev": "f" * 64,
    "hash": "f" * 64,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_anything_shows(name):
    entries = chain()
    entries[2] = replace(entries[2], **{name: CHANGES[name]})
    assert first_break(entries) in {3, 7}


def test_a_change_shows_also_when_its_own_hash_was_made_again():
    entries = chain()
    changed = replace(entries[2], why="rewritten")
    entries[2] = replace(changed, hash=changed.digest())
    assert first_break(entries) == 4


@pytest.mark.parametrize(("taken", "shows_at"), [(0, 2), (2, 4), (3, 5)])
def test_a_removal_shows(taken, shows_at):
    entries = chain()
    del entries[taken]
    assert first_break(entries) == shows_at


def test_another_order_shows():
    entries = chain()
    entries[1], entries[2] = entries[2], entries[1]
    assert first_break(entries) == 3


def test_an_entry_that_was_put_in_between_shows():
    entries = chain()
    entries.insert(2, entry().after(2, entries[1].hash))
    assert first_break(entries) == 3


def test_the_hash_does_not_depend_on_the_time_zone_of_whoever_reads():
    (one,) = chain(1)
    elsewhere = replace(one, at=one.at.astimezone(timezone(timedelta(hours=9))))
    assert first_break([elsewhere]) is None


def envelope(event, *, source="verifier", **headers):
    return Envelope(event.subject, {**event.headers(source=source), **headers}, event.body())


def escalated():
    return TicketEscalated(
        id=uuid4(), time=NOW, ticket_id=TICKET, title="t", reason="nobody knows how"
    )


def test_an_event_becomes_an_entry_that_says_who_what_and_why():
    event = escalated()
    made = entry_of(envelope(event), now=NOW)
    assert made == entry(
        event_id=event.id,
        at=KEPT,
        subject="ticket.escalated",
        who="verifier",
        what="handed to a person",
        why="nobody knows how",
        data=event.body().decode(),
    )


def test_an_event_of_a_kind_that_is_not_known_is_kept_too():
    unknown = Envelope(
        "ticket.teleported",
        {"ce-id": str(uuid4()), "ce-subject": str(TICKET), "ce-source": "/elsewhere"},
        b'{"reason": "beamed"}',
    )
    made = entry_of(unknown, now=NOW)
    assert (made.what, made.who, made.why, made.at) == (
        "ticket.teleported",
        "/elsewhere",
        "beamed",
        KEPT,
    )


@pytest.mark.parametrize(
    ("data", "who", "why"),
    [
        ({"decisions": [{"by": "ann@example.com", "reason": "ok"}]}, "ann@example.com", "ok"),
        (
            {
                "decisions": [
                    {"by": "a", "reason": "ok"},
                    {"by": "b"},
                    {"by": "c", "reason": "fine"},
                ]
            },
            "a, b, c",
            "ok; fine",
        ),
        (
            {
                "decisions": [
                    {"by": "a", "answer": "approve", "reason": "ok"},
                    {"by": "a", "answer": "withdraw", "reason": "no"},
                    {"by": "b", "answer": "approve"},
                ]
            },
            "b",
            "",
        ),
        (
            {
                "decisions": [
                    {"by": "a", "answer": "approve", "reason": "ok"},
                    {"by": "b", "answer": "approve"},
                    {"by": "a", "answer": "withdraw", "reason": "too early"},
                ]
            },
            "a",
            "too early",
        ),
        (
            {
                "decisions": [
                    {"by": "a", "answer": "approve", "reason": "go"},
                    {"by": "b", "answer": "reject", "reason": "not now"},
                ]
            },
            "a",
            "go",
        ),
        (
            {
                "refusal": "rejected",
                "decisions": [
                    {"by": "a", "answer": "approve", "reason": "go"},
                    {"by": "b", "answer": "reject", "reason": "not now"},
                ],
            },
            "b",
            "not now",
        ),
        ({"decisions": []}, "executor", ""),
        ({"reply": {"by": "ann", "reason": "gone"}}, "ann", "gone"),
        ({"reply": None, "refusal": "expired"}, "executor", ""),
        ({"proposal": {"by": "ann", "reason": "the other one"}}, "ann", "the other one"),
        ({"by": "ann", "reason": "enough"}, "ann", "enough"),
        ({"decisions": ["odd", {"reason": 7}]}, "executor", "7"),
        ({"reasons": ["P1", "it burns"]}, "executor", "P1; it burns"),
        ({"summary": "all is well"}, "executor", "all is well"),
        ({"reason": ""}, "executor", ""),
        ({"reason": {"odd": 1}}, "executor", ""),
        ({"reason": "half \ud800 a character"}, "executor", "half ? a character"),
    ],
)
def test_who_and_why_come_from_the_event(data, who, why):
    one = envelope(FeedbackGiven(id=uuid4(), ticket_id=TICKET, by="x", fixed=True, stars=5))
    headers = {**one.headers, "ce-source": "/handrail/executor"}
    made = entry_of(Envelope("step.done", headers, json.dumps(data).encode()), now=NOW)
    assert (made.who, made.why) == (who, why)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[1]", b"{broken", b"[" * 100_000, b"null", b"a\0b"]
)
def test_a_body_that_is_no_object_is_kept_as_it_is(body):
    made = entry_of(replace(envelope(escalated()), body=body), now=NOW)
    assert made.data == body.decode(errors="replace")
    assert first_break([made.after(0, GENESIS)]) is None


@pytest.mark.parametrize(
    "time", ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_an_event_without_a_time_that_exists_gets_that_of_its_arrival(time):
    assert entry_of(envelope(escalated(), **{"ce-time": time}), now=NOW).at == KEPT


def test_a_time_without_a_zone_is_taken_as_utc():
    made = entry_of(envelope(escalated(), **{"ce-time": "2026-03-01T10:00:00.123999"}), now=NOW)
    assert made.at == KEPT


@pytest.mark.parametrize("header", ["ce-id", "ce-subject"])
@pytest.mark.parametrize("value", [None, "", "not a uuid"])
def test_what_is_about_no_ticket_is_no_entry(header, value):
    one = envelope(escalated())
    headers = {name: text for name, text in one.headers.items() if name != header}
    if value is not None:
        headers[header] = value
    assert entry_of(replace(one, headers=headers), now=NOW) is None


@pytest.mark.parametrize(
    ("subject", "data", "what"),
    [
        (
            "step.started",
            {"step_id": "mend", "target": "web-1", "command": "systemctl restart shop"},
            "began mend on web-1: systemctl restart shop",
        ),
        (
            "step.change_proposed",
            {"step_id": "mend", "proposal": {"values": {"service": "web", "tries": "3"}}},
            "wants other values for mend: service web, tries 3",
        ),
        ("step.change_proposed", {"step_id": "mend", "proposal": 3}, "step.change_proposed"),
        (
            "step.awaiting_approval",
            {"step_id": "a", "target": "b", "command": "c", "change": {"by": "ann", "refused": ""}},
            "asked for a, changed by ann, on b: c",
        ),
        (
            "step.awaiting_approval",
            {"step_id": "a", "target": "b", "command": "c", "change": {"by": "x", "refused": "no"}},
            "asked for a as it was, other values were refused (no): c",
        ),
        (
            "step.awaiting_approval",
            {"step_id": "a", "target": "b", "command": "c", "change": None, "again": ""},
            "asked for a on b: c",
        ),
        (
            "step.awaiting_approval",
            {"step_id": "a", "target": "b", "command": "c", "again": "ann took the yes back"},
            "asked once more for a, since ann took the yes back, on b: c",
        ),
        (
            "step.awaiting_approval",
            {"step_id": "a", "target": "", "command": "wait", "change": {"by": "ann"}},
            "asked for a, changed by ann: wait",
        ),
        (
            "step.awaiting_approval",
            {"step_id": "a", "target": "", "command": "wait"},
            "asked for a: wait",
        ),
        ("step.started", {"step_id": "a", "target": "", "command": "wait"}, "began a: wait"),
        ("step.approval_withdrawn", {"step_id": "a"}, "took the yes to a back"),
        (
            "step.done",
            {"step_id": "mend", "outcome": "succeeded", "exit_code": 0},
            "mend succeeded, exit code 0",
        ),
        ("step.done", {"step_id": "mend", "outcome": "skipped", "exit_code": None}, "mend skipped"),
        ("plan.choice_needed", {"because": "2 fit"}, "asked which runbook: 2 fit"),
        ("plan.chosen", {"decisions": [{"runbook": "move"}]}, "chose move"),
        ("plan.chosen", {"decisions": [{"runbook": None}]}, "chose none of them"),
        ("plan.chosen", {"refusal": "expired"}, "expired: no runbook was chosen"),
        ("plan.ready", {"runbook": {"title": "Restart it"}}, "planned: Restart it"),
        ("session.directed", {"directive": "pause"}, "asked for the plan to pause"),
        ("question.asked", {"step_id": "a", "text": "How many?"}, "asked about a: How many?"),
        ("question.answered", {"step_id": "a", "refusal": None}, "answered about a"),
        (
            "question.answered",
            {"step_id": "a", "refusal": "expired"},
            "expired: nobody answers about a",
        ),
        ("ticket.created", {"alert": {"title": "Down {x} %s"}}, "opened: Down {x} %s"),
        (
            "notification.sent",
            {"recipient": "ada@example.com", "channel": "email", "purpose": "approval"},
            "told ada@example.com by email: approval",
        ),
        ("step.started", {"step_id": ["odd"], "target": {}}, "step.started"),
        (
            "step.started",
            {"step_id": "a", "target": "b", "command": "c", "allowed_by": ["ada (in advance)"]},
            "began a, allowed by ada (in advance), on b: c",
        ),
        (
            "step.started",
            {"step_id": "a", "target": "b", "command": "c", "allowed_by": []},
            "began a on b: c",
        ),
        ("ticket.unheard_of", {"title": "x"}, "ticket.unheard_of"),
    ],
)
def test_an_entry_says_what_happened_and_to_what(subject, data, what):
    headers = {"ce-id": str(uuid4()), "ce-subject": str(uuid4())}
    entry = entry_of(Envelope(subject, headers, json.dumps(data).encode()), now=datetime.now(UTC))
    assert entry.what == what


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ({"by": "bob", "delegation": {"of": "ada"}}, "bob for ada"),
        ({"by": "ada", "window": {"id": "x"}}, "ada (in advance)"),
        ({"by": "ada", "delegation": None, "window": None}, "ada"),
        ({"by": "ada", "delegation": "odd"}, "ada"),
    ],
)
def test_an_entry_says_in_whose_place_and_how_far_in_advance_it_was_said(said, who):
    headers = {"ce-id": str(uuid4()), "ce-subject": str(uuid4())}
    body = json.dumps({"step_id": "a", "decisions": [said]}).encode()
    entry = entry_of(Envelope("step.approved", headers, body), now=datetime.now(UTC))
    assert entry.who == who
