"""Alerts and what the rules make of them."""

from datetime import UTC, datetime, timedelta

import pytest

from services.triage.evidence import Gathered
from services.triage.verdict import CLOSE_FROM, judged
from shared.config.evidence import CommandLook
from shared.events import Alert, AlertStatus
from shared.events.evidence import Look
from shared.lifecycle import Severity, Verdict

LOOK = CommandLook(name="disk_free", uses="local", target="here", run="df /")
FREE = Look(
    name="disk_free",
    asked="`df /` on here",
    found="63",
    at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    took=timedelta(milliseconds=12),
)


def alert(name="TargetDown", *, severity=Severity.P1, status=AlertStatus.FIRING, **fields):
    labels = fields.pop("labels", {})
    return Alert(
        source="alertmanager",
        name=name,
        status=status,
        fingerprint="f",
        title=fields.pop("title", name),
        severity=severity,
        labels={"alertname": name, **labels},
        **fields,
    )


@pytest.mark.parametrize(
    ("false_alarm", "reason"),
    [
        (alert("Watchdog"), "by design"),
        (alert("DeadMansSwitch"), "by design"),
        (alert("Heartbeat"), "by design"),
        (alert("InfoInhibitor"), "test or a helper"),
        (alert("Test"), "test or a helper"),
        (alert("TestAlert"), "test or a helper"),
        (alert("test-disk"), "test or a helper"),
        (alert(labels={"test": "true"}), "label test"),
        (alert(labels={"handrail_test": "YES"}), "label handrail_test"),
        (alert(labels={"env": "test"}), "label env"),
        (alert(labels={"environment": "Sandbox"}), "label environment"),
        (alert(labels={"stage": "playground"}), "label stage"),
        (alert(status=AlertStatus.RESOLVED), "it is over"),
    ],
)
def test_a_false_alarm_is_closed_with_its_reason(false_alarm, reason):
    judgement = judged(false_alarm)
    assert judgement.verdict is Verdict.FALSE
    assert judgement.closes
    assert reason in judgement.reasons[0]


@pytest.mark.parametrize(
    "real",
    [
        alert(),
        alert("MissingHeartbeat"),
        alert("ReplicaLostHeartbeat"),
        alert("WatchdogReset"),
        alert("SmokeTest"),
        alert("checkout-smoke-test"),
        alert("Testimonials"),
        alert("LatestBackupMissing"),
        alert(labels={"env": "production"}),
        alert(labels={"env": "staging"}),
        alert(labels={"test": "false"}),
        alert(labels={"test": "checkout"}),
    ],
)
def test_a_problem_is_believed(real):
    judgement = judged(real)
    assert (judgement.verdict, judgement.closes) == (Verdict.TRUE, False)


def test_an_alert_that_does_not_say_how_bad_it_is_is_doubted():
    judgement = judged(alert(severity=None))
    assert (judgement.verdict, judgement.closes) == (Verdict.UNCERTAIN, False)
    assert any("how bad" in reason for reason in judgement.reasons)


def test_the_strongest_sign_decides_and_all_are_told():
    judgement = judged(alert("Watchdog", labels={"env": "test", "test": "1"}))
    assert judgement.confidence == 0.99
    assert len(judgement.reasons) == 4


def test_every_false_verdict_of_the_rules_is_confident_enough_to_close():
    assert judged(alert(labels={"env": "test"})).confidence >= CLOSE_FROM


@pytest.mark.parametrize("severity", Severity)
def test_what_the_source_says_of_the_severity_counts(severity):
    assert judged(alert("SiteDown", severity=severity)).severity is severity


@pytest.mark.parametrize(
    ("fields", "severity", "word"),
    [
        ({"name": "TargetDown"}, Severity.P2, "down"),
        ({"name": "site_down"}, Severity.P2, "down"),
        ({"name": "X", "title": "The shop is unreachable."}, Severity.P2, "unreachable"),
        ({"name": "X", "description": "Risk of data loss"}, Severity.P2, "data loss"),
        ({"name": "X", "title": "API not answering"}, Severity.P2, "not answering"),
        ({"name": "SlowDownload"}, Severity.P3, "nothing"),
        ({"name": "X", "title": "a slowdown of 3 %"}, Severity.P3, "nothing"),
        ({"name": "ShutdownPlanned"}, Severity.P3, "nothing"),
        ({"name": "CpuHigh"}, Severity.P3, "nothing"),
    ],
)
def test_the_words_of_an_outage_make_it_worse_where_nothing_is_said(fields, severity, word):
    judgement = judged(alert(severity=None, **fields))
    assert judgement.severity is severity
    assert word in judgement.reasons[0]


R, C = "disk_free is 63 now, which refutes", "load is 9 now, which confirms"


@pytest.mark.parametrize(
    ("fields", "refuting", "confirming", "verdict", "confidence"),
    [
        ({}, (), (), Verdict.TRUE, 0.9),
        ({}, (R,), (), Verdict.FALSE, 0.85),
        ({}, (R, R), (), Verdict.FALSE, 0.85),
        ({}, (), (C,), Verdict.TRUE, 0.97),
        ({}, (R,), (C,), Verdict.UNCERTAIN, 0.5),
        ({"severity": None}, (), (), Verdict.UNCERTAIN, 0.6),
        ({"severity": None}, (), (C,), Verdict.TRUE, 0.97),
        ({"severity": None}, (R,), (), Verdict.FALSE, 0.85),
        ({"labels": {"env": "sandbox"}}, (), (C,), Verdict.FALSE, 0.85),
        ({"name": "Watchdog"}, (R,), (), Verdict.FALSE, 0.99),
        ({"name": "Watchdog"}, (R,), (C,), Verdict.FALSE, 0.99),
    ],
)
def test_evidence_moves_the_verdict(fields, refuting, confirming, verdict, confidence):
    found = Gathered({"disk_free": 63}, (FREE,), refuting, confirming)
    judgement = judged(alert(**fields), found)
    assert (judgement.verdict, judgement.confidence) == (verdict, confidence)
    assert judgement.evidence == found
    if verdict is not Verdict.FALSE:
        assert {*refuting, *confirming} <= set(judgement.reasons)
    assert set(refuting if not confirming else ()) <= set(judgement.reasons)
