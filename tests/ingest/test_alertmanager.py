"""Alertmanager's notifications, read."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from services.ingest.cut import NAMED_MOST, TEXT_MOST
from services.ingest.sources.alertmanager import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.payloads import body, fired, over


def only(*alerts, **fields):
    (alert,) = parse(Webhook("alertmanager", body(*alerts, **fields)))
    return alert


def refusal(payload):
    with pytest.raises(ValidationError) as refused:
        parse(Webhook("alertmanager", payload))
    return refused.value.errors()


def test_a_group_becomes_its_alerts_in_order():
    alerts = parse(Webhook("am", body(fired(), over(instance="web-2:9100"), truncatedAlerts=3)))
    assert [(alert.status, alert.labels["instance"]) for alert in alerts] == [
        (AlertStatus.FIRING, "web-1:9100"),
        (AlertStatus.RESOLVED, "web-2:9100"),
    ]


def test_what_an_alert_says_is_taken_over():
    alert = only(fired())
    assert alert.source == "alertmanager"
    assert alert.name == "TargetDown"
    assert alert.title == "web-1:9100 does not answer"
    assert alert.description == "No scrape has worked for 5 minutes: “up” is 0 in Köln."
    assert alert.severity is Severity.P1
    assert alert.starts_at == datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert alert.links == {
        "generator": "http://prometheus.example.com/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        "alertmanager": "http://alertmanager.example.com",
        "runbook": "https://runbooks.example.com/target-down",
    }


@pytest.mark.parametrize(
    ("alert", "ended"),
    [
        (over(), datetime(2026, 3, 1, 10, 15, 30, 500000, tzinfo=UTC)),
        ({**over(), "endsAt": "0001-01-01T00:00:00Z"}, None),
        ({**over(), "endsAt": "0001-01-01T00:00:00+14:00"}, None),
        ({**over(), "endsAt": "9999-12-31T23:59:59-14:00"}, None),
        ({**fired(), "endsAt": "2026-03-01T10:05:00Z"}, None),
    ],
    ids=["resolved", "zero time", "before all time", "after all time", "firing, to be given up"],
)
def test_an_end_is_told_where_it_is_known(alert, ended):
    assert only(alert).ends_at == ended


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("critical", Severity.P1),
        ("PAGE", Severity.P1),
        ("error", Severity.P2),
        ("warning", Severity.P3),
        ("info", Severity.P4),
        ("p2", Severity.P2),
        ("banana", None),
        ("", None),
    ],
)
def test_severity_follows_the_label(label, severity):
    assert only(fired(severity=label)).severity is severity


SAME = [
    (fired(), over()),
    (fired(), {**fired(), "annotations": {}}),
    (fired(), {**fired(), "labels": dict(reversed(fired()["labels"].items()))}),
    (fired(severity="warning"), fired(severity="critical")),
    (fired(replica="a"), fired(prometheus_replica="b")),
]
OTHER = [
    (fired(instance="web-1:9100"), fired(instance="web-2:9100")),
    (fired("TargetDown"), fired("DiskFull")),
    (fired(), fired(mountpoint="/")),
    (fired(a="b,c"), fired(a="b", c="")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_problem_has_one_fingerprint(one, other):
    assert only(one).fingerprint == only(other).fingerprint


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_two_problems_never_share_a_fingerprint(one, other):
    assert only(one).fingerprint != only(other).fingerprint


def test_two_sources_never_share_a_fingerprint():
    (here,), (there,) = parse(Webhook("east", body(fired()))), parse(Webhook("west", body(fired())))
    assert here.fingerprint != there.fingerprint


def test_text_in_any_language_is_kept():
    alert = only(fired("磁盘已满", owner="Ελένη 🚑"))
    assert (alert.name, alert.labels["owner"]) == ("磁盘已满", "Ελένη 🚑")


def test_an_alert_without_a_name_is_an_alert():
    alert = only({"status": "firing", "labels": {}})
    assert (alert.name, alert.title) == ("unnamed", "An alert without a name")


def test_a_link_that_is_no_web_address_is_left_out():
    assert "generator" not in only({**fired(), "generatorURL": "javascript:alert(1)"}).links


HUGE = {
    "values": fired(**{f"l{n}": "\N{AMBULANCE}" * 100_000 for n in range(5)}),
    "a name": fired(**{"n" * 1_000_000: "x"}),
    "names": fired(**{f"label_{n}": "\x01" for n in range(50_000)}),
    "a summary": {**fired(), "annotations": {"summary": "\x01" * 3_000_000}},
    "annotations": {**fired(), "annotations": {f"a{n}": "\x01" * 9_000 for n in range(200)}},
    "a link": {**fired(), "generatorURL": "http://" + "x" * 2_000_000},
    "an alertname": fired("\x01" * 2_000_000),
}


@pytest.mark.parametrize("alert", HUGE.values(), ids=HUGE)
def test_an_alert_of_any_size_fits_into_an_event(alert):
    assert len(only(alert).model_dump_json()) < 768 * 1024


def test_a_cut_text_shows_that_it_was_cut():
    text = only(fired(note="x" * 5_000)).labels["note"]
    assert len(text) == TEXT_MOST
    assert text.endswith("…")


def test_what_was_left_out_is_said():
    many = {f"label_{n}": "x" * 1_000 for n in range(NAMED_MOST // 1_000 + 10)}
    alert = only(fired(**many))
    assert alert.labels["instance"] == "web-1:9100"
    assert "labels and 0 annotations" in alert.annotations["handrail_left_out"]


def test_problems_that_differ_in_what_was_left_out_are_two():
    assert (
        only(fired(**{"n" * 999: "1"})).fingerprint != only(fired(**{"n" * 999: "2"})).fingerprint
    )


def test_a_name_that_cannot_be_stored_is_left_out():
    alert = only(fired(**{"nul\0": "x"}))
    assert "nul\0" not in alert.labels
    assert alert.annotations["handrail_left_out"].startswith("1 labels")


WRONG = {
    "another version": (body(fired(), version="3"), ("version",)),
    "no version": (b'{"alerts": []}', ("version",)),
    "no alert": (body(), ("alerts",)),
    "too many alerts": (body(*[{"status": "firing", "labels": {}}] * 10_001), ("alerts",)),
    "alerts that are no list": (body(alerts="x"), ("alerts",)),
    "a number as a label": (body(fired(n=1)), ("alerts", 0, "labels", "n")),
    "null as a label": (body(fired(), fired(n=None)), ("alerts", 1, "labels", "n")),
    "another status": (body({**fired(), "status": "odd"}), ("alerts", 0, "status")),
    "a date alone": (body({**fired(), "startsAt": "2026-03-01"}), ("alerts", 0, "startsAt")),
    "no labels": (body({"status": "firing"}), ("alerts", 0, "labels")),
    "a list": (b"[]", ()),
}


@pytest.mark.parametrize(("payload", "place"), WRONG.values(), ids=WRONG)
def test_a_wrong_notification_is_refused_at_the_place_that_is_wrong(payload, place):
    (error,) = [error for error in refusal(payload) if error["loc"] == place] or [None]
    assert error


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": "4", "alerts": [{"status": "firing", "labels": {"a": "\\ud800"}}]}',
    ],
    ids=["empty", "cut off", "no utf-8", "deep", "half a character"],
)
def test_broken_json_is_told_from_wrong_json(payload):
    assert [error["type"] for error in refusal(payload)] == ["json_invalid"]
