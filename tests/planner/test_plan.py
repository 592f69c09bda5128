"""What becomes of a ticket, as a pure decision."""

import pytest

from shared.config import LocalTarget
from shared.config.targets.target import Allow
from shared.events import PlanReady, TicketEscalated
from shared.runbook import Library
from tests.planner.tickets import TARGETS, planner, triaged
from tests.runbook.runbooks import WHOLE, named, runbook

MOON = {"name": "MoonPhase", "title": "The moon is full"}


def test_a_plan_is_ready_to_run():
    ticket = triaged()
    plan = planner().conclude(ticket)
    assert isinstance(plan, PlanReady)
    assert plan.ticket_id == ticket.ticket_id
    assert plan.runbook.name == "restart-service"
    assert plan.params == {"service": "shop", "host": "web-1"}
    assert [(step.id, step.run, step.approval.required) for step in plan.steps] == [
        ("look", "systemctl is-active shop", 0),
        ("restart", "systemctl restart shop", 1),
    ]
    assert plan.reasons[0] == "it is for the alert TargetDown"


def test_the_same_ticket_event_leads_to_the_same_plan():
    ticket = triaged()
    first, again = planner().conclude(ticket), planner().conclude(ticket)
    assert isinstance(first, PlanReady)
    assert isinstance(again, PlanReady)
    assert (first.id, first.session_id) == (again.id, again.session_id)
    other = planner().conclude(triaged())
    assert isinstance(other, PlanReady)
    assert other.session_id != first.session_id


NO_PROMETHEUS = WHOLE[: WHOLE.index("verify:")] + (
    'verify: [{uses: ssh, target: "{{ labels.job }}", run: "true"}]\n'
)


@pytest.mark.parametrize(
    ("made_by", "fields", "reason"),
    [
        (
            planner(),
            MOON,
            "no runbook applies to the alert MoonPhase, and none fits: no runbook has",
        ),
        (planner(), {"labels": {"job": "shop"}}, "(from labels.instance): the alert has no label"),
        (
            planner(),
            {"labels": {"job": "Shop;x", "instance": "web-1"}},
            "'Shop;x' is not what its pattern allows",
        ),
        (
            planner(),
            {"labels": {"job": "shop", "instance": "web-9:80"}},
            "step look: handrail.yaml declares no target web-9 (targets: here, web-1)",
        ),
        (planner(targets={}), {}, "(targets: none)"),
        (
            planner(targets={"web-1": LocalTarget(connector="local")}),
            {},
            "step look: target web-1 is reached by local, the step uses ssh",
        ),
        (planner(prometheus={}), {}, "verify 1: handrail.yaml declares no prometheus server"),
        (
            planner(runbook(WHOLE.replace("hold: 30s", "server: eu"))),
            {},
            "verify 1: handrail.yaml declares no prometheus server eu",
        ),
        (planner(runbook(NO_PROMETHEUS)), {}, "verify 1: handrail.yaml declares no target shop"),
        (
            planner(named("small", "{alerts: [TargetDown]}", run="echo {{ labels.zone }}")),
            {},
            "step act, run: the alert has no label zone",
        ),
    ],
)
def test_a_ticket_that_cannot_be_planned_is_escalated_with_the_reason(made_by, fields, reason):
    escalation = made_by.conclude(triaged(**fields))
    assert isinstance(escalation, TicketEscalated)
    assert reason in escalation.reason
    assert escalation.title == fields.get("title", "Shop is down")


def test_an_escalation_tells_everything_that_stands_in_the_way():
    escalation = planner().conclude(triaged(labels={"job": ""}))
    assert isinstance(escalation, TicketEscalated)
    # The condition looks at the label, which is empty.
    assert "its condition does not hold" in escalation.tried[0]
    both = planner(runbook(WHOLE.replace(' && labels.job != ""', ""))).conclude(triaged(labels={}))
    assert isinstance(both, TicketEscalated)
    assert both.reason.endswith("the alert has no label job (and 1 more)")
    assert [line.split(" (")[0] for line in both.tried] == [
        "restart-service: parameter service",
        "restart-service: parameter host",
    ]


def test_without_any_runbook_the_escalation_says_so():
    empty = planner()
    escalation = type(empty)(Library(), TARGETS, {}).conclude(triaged())
    assert isinstance(escalation, TicketEscalated)
    assert escalation.reason == "there are no runbooks"


def test_the_next_best_runbook_makes_the_plan_and_tells_why_the_best_did_not():
    fallback = named("fallback", '{alerts: ["Target*"]}')
    plan = planner(runbook(), fallback).conclude(triaged(labels={"job": "shop"}))
    assert isinstance(plan, PlanReady)
    assert plan.runbook.name == "fallback"
    assert plan.reasons[1].startswith("not restart-service: parameter host (from labels.instance)")


def called(**fields):
    web = TARGETS["web-1"].model_copy(update=fields)
    return planner(targets={"front": web, "here": TARGETS["here"]})


def test_a_step_runs_on_the_target_that_the_alert_means():
    plan = called(aliases=("web-1",)).conclude(triaged())
    assert isinstance(plan, PlanReady)
    assert {step.target for step in plan.steps} == {"front"}


def test_what_a_target_does_not_allow_stands_in_the_way():
    target = TARGETS["web-1"].model_copy(update={"allow": Allow(commands=("uptime",))})
    said = planner(targets={"web-1": target}).conclude(triaged())
    assert isinstance(said, TicketEscalated)
    assert "target web-1: what is allowed there does not include" in " ".join(said.tried)
