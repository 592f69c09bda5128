"""Dynatrace's problems, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.dynatrace import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

HOST = {"type": "HOST", "name": "web-1", "entity": "HOST-0A1B2C3D4E5F6071"}
SERVICE = {"type": "SERVICE", "name": "checkout", "entity": "SERVICE-11AA22BB33CC44DD"}
STARTED = 1772359200000


def problem(state="OPEN", pid="-6081354672563420165_1772359200000V2", **fields):
    payload = {
        "PID": pid,
        "ProblemID": "P-26031",
        "State": state,
        "ProblemTitle": "CPU saturation",
        "ProblemSeverity": "RESOURCE_CONTENTION",
        "ProblemImpact": "INFRASTRUCTURE",
        "ProblemURL": "https://abc12345.live.example.com/#problems/problemdetails;pid=-608",
        "ProblemDetailsText": "OPEN Problem P-26031: CPU saturation on web-1",
        "ImpactedEntity": "CPU saturation on Host web-1",
        "ImpactedEntities": [HOST],
        "Tags": "[AWS]Zone:eu-1a, owner:shop, plain",
        "ProblemDetailsJSON": {"id": pid, "startTime": STARTED, "endTime": -1, "status": state},
        **fields,
    }
    return Webhook("dynatrace", json.dumps(payload).encode())


def over(**fields):
    details = {"startTime": STARTED, "endTime": STARTED + 900_000}
    return problem("RESOLVED", ProblemDetailsJSON=details, **fields)


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=problem(),
        resolved=over(ProblemTitle="Multiple problems", ImpactedEntities=[SERVICE, HOST], Tags=""),
        second=problem(pid="4402_V2"),
        again=[problem(ProblemSeverity="AVAILABILITY"), problem(ProblemTitle="Host unavailable")],
        malformed=[
            Webhook("dynatrace", b"<problem/>"),
            Webhook("dynatrace", b'{"State": "OPEN"}'),
            problem(pid=""),
            problem(ImpactedEntities="HOST"),
            problem(ProblemDetailsJSON={"startTime": "soon"}),
        ],
    )


def test_what_a_problem_says_is_taken_over():
    (alert,) = parse(problem(ImpactedEntities=[HOST, SERVICE]))
    assert (alert.name, alert.resource) == ("CPU saturation", "web-1, checkout")
    assert (alert.labels["host"], alert.labels["service"]) == ("web-1", "checkout")
    assert alert.labels["host_entity"] == "HOST-0A1B2C3D4E5F6071"
    assert (alert.labels["zone"], alert.labels["owner"]) == ("eu-1a", "shop")
    assert set(alert.links) == {"dynatrace"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_an_end_is_told_where_it_is_known():
    assert [alert.ends_at for alert in parse(over())] == [datetime(2026, 3, 1, 10, 15, tzinfo=UTC)]
    assert [alert.ends_at for alert in parse(problem("RESOLVED"))] == [None]


def test_the_two_fields_that_have_to_be_there_are_enough():
    (alert,) = parse(Webhook("dynatrace", b'{"PID": 999, "State": "OPEN"}'))
    assert (alert.labels, alert.title) == ({"pid": "999"}, "An alert without a name")


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("AVAILABILITY", Severity.P1),
        ("ERROR", Severity.P2),
        ("PERFORMANCE", Severity.P3),
        ("CUSTOM_ALERT", None),
        ("", None),
    ],
)
def test_severity_follows_what_kind_of_problem_it_is(word, severity):
    (alert,) = parse(problem(ProblemSeverity=word))
    assert alert.severity is severity


def test_a_problem_that_was_merged_is_no_alert():
    assert parse(problem("MERGED")) == ()
