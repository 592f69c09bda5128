"""A plan says what was looked at, where its values are from, and hands evidence on."""

from datetime import UTC, datetime, timedelta

from shared.events import PlanReady
from shared.events.evidence import Look
from tests.planner.tickets import planner, triaged
from tests.runbook.runbooks import WHOLE, runbook

LOOK = Look(
    name="service",
    asked="`hostname` on web-1",
    found="shop-2",
    at=datetime(2026, 3, 1, 10, 2, 3, tzinfo=UTC),
    took=timedelta(milliseconds=12),
)
FROM_EVIDENCE = WHOLE.replace("{from: labels.job,", "{from: evidence.service,")


def test_a_plan_depends_on_what_was_gathered_and_says_so():
    assert FROM_EVIDENCE != WHOLE
    known = {"service": "shop-2", "load": 1.5}
    ticket = triaged().model_copy(update={"evidence": known, "looked": (LOOK,)})
    plan = planner(runbook(FROM_EVIDENCE)).conclude(ticket)
    assert isinstance(plan, PlanReady)
    assert plan.steps[1].run == "systemctl restart shop-2"
    assert plan.origins == {"service": "evidence service", "host": "label instance"}
    assert plan.evidence == known
    assert plan.reasons[-1] == "service is shop-2 (`hostname` on web-1; 10:02:03 UTC, 12 ms)"


def test_without_evidence_a_plan_has_none():
    plan = planner().conclude(triaged())
    assert isinstance(plan, PlanReady)
    assert plan.evidence == {}
    assert plan.origins["service"] == "label job"
