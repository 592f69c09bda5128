"""Splunk's findings, read."""

import json

import pytest
from pydantic import ValidationError

from services.ingest.sources.splunk import parse
from services.ingest.ticket import variant
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity

ROW = {
    "_time": "1772359200",
    "host": "web-1",
    "sourcetype": "nginx",
    "count": "812",
    "severity": "high",
    "URI Path": ["/cart", "/pay"],
    "user": None,
}


def found(row=None, **fields):
    payload = {
        "result": ROW if row is None else row,
        "sid": "scheduler__admin__search__RMD5a1b2c3d4e5f60718_at_1772359200_81",
        "results_link": "https://splunk.example.com:8000/app/search/@go?sid=scheduler__admin_81",
        "search_name": "Many server errors",
        "owner": "admin",
        "app": "search",
        **fields,
    }
    return Webhook("splunk", json.dumps(payload).encode())


def only(*args, **fields):
    (alert,) = parse(found(*args, **fields))
    return alert


def test_what_a_search_found_is_taken_over():
    alert = only()
    assert (alert.status, alert.name) == (AlertStatus.FIRING, "Many server errors")
    assert (alert.severity, alert.resource) == (Severity.P2, "web-1")
    assert alert.labels["uri_path"] == "/cart,/pay"
    assert "time" not in alert.labels
    assert alert.description.startswith("host: web-1\nsourcetype: nginx\ncount: 812")
    assert alert.links == {
        "results": "https://splunk.example.com:8000/app/search/@go?sid=scheduler__admin_81"
    }


@pytest.mark.parametrize(
    "other",
    [found(), found({**ROW, "count": "9", "severity": "low"}), found(sid="another", owner="me")],
)
def test_a_search_that_finds_it_again_is_the_same_alert_on_the_same_problem(other):
    (again,) = parse(other)
    assert again.fingerprint == only().fingerprint
    assert variant(again) == variant(only())


@pytest.mark.parametrize(
    "other",
    [
        found({**ROW, "host": "web-2"}),
        found({**ROW, "service": "cart"}),
        found(search_name="Few orders"),
        found(app="shop"),
    ],
)
def test_another_instance_is_another_problem(other):
    (alert,) = parse(other)
    assert alert.fingerprint != only().fingerprint


def test_a_search_that_was_never_saved_is_known_by_its_run():
    assert only(search_name=None).name == "Splunk search"
    assert only(search_name=None).fingerprint != only(search_name=None, sid="another").fingerprint


@pytest.mark.parametrize(
    ("row", "severity"),
    [({"severity": "critical"}, Severity.P1), ({"urgency": "medium"}, Severity.P3), ({}, None)],
)
def test_severity_is_what_the_row_says(row, severity):
    assert only(row).severity is severity


@pytest.mark.parametrize(
    "webhook",
    [
        Webhook("splunk", b"sid=1"),
        Webhook("splunk", b"{}"),
        found([ROW]),
        found("row"),
        found(sid=None),
    ],
)
def test_what_splunk_does_not_send_is_refused(webhook):
    with pytest.raises(ValidationError):
        parse(webhook)


def test_a_row_as_deep_as_json_goes_is_no_crash():
    row = b'{"result": {"a": ' + b"[" * 100 + b"1" + b"]" * 100 + b'}, "sid": "1"}'
    (alert,) = parse(Webhook("splunk", row))
    assert alert.labels["a"] == "1"
