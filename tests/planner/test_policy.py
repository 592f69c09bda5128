"""What the policy makes of a plan."""

from datetime import UTC, datetime, timedelta

import pytest

from services.planner.policy import Circumstances, by_risk
from shared.config import SshTarget
from shared.config.policy import PolicyConfig
from shared.events import FoundBy, OnExpiry, PlanReady, TicketEscalated
from shared.lifecycle import Risk
from shared.policy.policy import Policy
from shared.policy.records.record import LastHour, Record
from shared.runbook import Library
from tests.planner.tickets import TARGETS, Standing, bench, judge, planner, triaged
from tests.runbook.runbooks import WHOLE, runbook

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def policy(**said) -> Policy:
    return Policy(PolicyConfig.model_validate(said), {"dba": ("ann@example.org",)})


def judged(by: Policy | None = None, *, with_bench=None, **around):
    ticket = triaged()
    made = planner().conclude(ticket)
    assert isinstance(made, PlanReady)
    around = {"record": Record("restart-service", "1"), "last_hour": LastHour(), **around}
    found = with_bench or bench()
    return found.judged(ticket, made, by or Policy(), Circumstances(now=NOW, **around))


def rules(*said):
    return policy(rules=[{"name": f"rule-{i}", **rule} for i, rule in enumerate(said, 1)])


@pytest.mark.parametrize("risk", list(Risk))
def test_before_it_is_judged_a_step_asks_as_its_risk_does(risk):
    assert by_risk(risk).required == {"low": 0, "medium": 1, "high": 1, "critical": 2}[risk.value]


def test_without_rules_each_step_asks_as_its_risk_does_and_has_the_usual_time():
    plan = judged()
    assert isinstance(plan, PlanReady)
    assert [(step.approval.required, step.approval.rule) for step in plan.steps] == [
        (0, "default"),
        (1, "default"),
    ]
    assert {step.approval.expires_after for step in plan.steps} == {timedelta(minutes=30)}


def test_a_rule_says_who_may_answer_how_long_and_what_then():
    plan = judged(
        rules(
            {
                "when": 'step.risk == "high"',
                "require": 1,
                "from": ["dba", "on-call"],
                "expires": "5m",
                "on_expiry": "escalate",
                "not_requester": False,
            }
        )
    )
    assert isinstance(plan, PlanReady)
    asked = plan.steps[1].approval
    assert (asked.who, asked.expires_after) == (
        ("ann@example.org", "on-call"),
        timedelta(minutes=5),
    )
    assert (asked.on_expiry, asked.not_requester, asked.rule) == (
        OnExpiry.ESCALATE,
        False,
        "rule-1",
    )
    assert plan.steps[0].approval.rule == "default"


def test_one_denied_step_keeps_the_whole_plan_from_running():
    said = judged(policy(deny=[{"name": "restarts", "command": "systemctl restart"}]))
    assert isinstance(said, TicketEscalated)
    assert said.reason == (
        "the policy denies step restart of restart-service: the policy never allows it"
    )
    assert said.tried == (
        "restart-service: step restart was not run, by deny restarts: the policy never allows it",
    )
    assert said.suggested == ()


def test_a_plan_that_is_only_suggested_is_told_step_by_step_and_not_run():
    said = judged(policy(modes={"sources": {"alertmanager": "suggest"}}))
    assert isinstance(said, TicketEscalated)
    assert said.reason.endswith("only suggest restart-service here: nothing was run")
    assert said.suggested == (
        "look on web-1 (ssh, low risk): systemctl is-active shop",
        "restart on web-1 (ssh, high risk): systemctl restart shop",
    )


def test_where_handrail_only_observes_no_plan_is_told():
    said = judged(policy(modes={"runbooks": {"restart-*": "observe"}}))
    assert isinstance(said, TicketEscalated)
    assert "only observe here: restart-service applies" in said.reason
    assert said.suggested == ()


def test_one_suggested_step_makes_the_whole_plan_a_suggestion():
    by = rules({"when": 'step.risk == "high"', "require": 1, "mode": "suggest"})
    assert isinstance(judged(by), TicketEscalated)


def test_conditions_see_the_labels_of_runbook_and_target():
    marked = WHOLE.replace("title: Restart a", "labels: {team: web}, title: Restart a")
    targets = {**TARGETS, "web-1": _labelled(tier="one")}
    by = rules(
        {
            "when": 'runbook.labels.team == "web" && target.labels.tier == "one" '
            '&& target.environment == "test" && target.connector == "ssh"',
            "auto": True,
        }
    )
    plan = judged(by, with_bench=bench(runbook(marked), targets=targets))
    assert isinstance(plan, PlanReady)
    assert [step.approval.rule for step in plan.steps] == ["rule-1", "rule-1"]


def _labelled(**labels) -> SshTarget:
    return TARGETS["web-1"].model_copy(update={"labels": labels, "environment": "test"})


def test_steps_of_the_plan_itself_count_towards_the_cap_of_their_target():
    by = policy(caps={"per_target_per_hour": 2})
    # Both of its steps may change something: one more fits, two do not.
    assert isinstance(judged(by), PlanReady)
    said = judged(by, last_hour=LastHour(on_target={"web-1": 1}))
    assert isinstance(said, TicketEscalated)
    assert "there were 2 changes on web-1 in the last hour, and 2 are allowed" in said.reason


def test_a_runbook_that_is_not_in_the_library_counts_as_written_by_the_reasoner():
    by = rules({"auto": True})
    plan = judged(by)
    assert isinstance(plan, PlanReady)
    assert [step.approval.required for step in plan.steps] == [0, 0]
    stranger = judged(by, with_bench=type(bench())(Library(), TARGETS, timedelta(minutes=5)))
    assert isinstance(stranger, PlanReady)
    assert [step.approval.required for step in stranger.steps] == [1, 1]


async def test_a_judge_looks_at_the_last_hour_only_when_the_policy_asks_for_it():
    full = LastHour(on_target={"web-1": 50})
    ticket = triaged()
    made = planner().conclude(ticket)
    free = await judge(Standing(hour=full)).judged(ticket, made, NOW)
    capped = policy(caps={"per_target_per_hour": 6})
    stopped = await judge(Standing(capped, hour=full)).judged(ticket, made, NOW)
    assert isinstance(free, PlanReady)
    assert isinstance(stopped, TicketEscalated)


async def test_a_runbook_that_failed_too_often_is_off():
    ticket = triaged()
    made = planner().conclude(ticket)
    lost = Record("restart-service", "1", runs=5, verified=2, failed=3, failed_in_a_row=3)
    said = await judge(Standing(record=lost)).judged(ticket, made, NOW)
    assert isinstance(said, TicketEscalated)
    assert "the runbook restart-service is off: it failed 3 times in a row" in said.reason


async def test_how_often_a_problem_was_told_is_known_to_conditions():
    ticket = triaged()
    made = planner().conclude(ticket)
    by = rules({"when": "ticket.count >= 3", "deny": "it comes too often"}, {"auto": True})
    assert isinstance(await judge(Standing(by, count=2)).judged(ticket, made, NOW), PlanReady)
    assert isinstance(await judge(Standing(by, count=3)).judged(ticket, made, NOW), TicketEscalated)


def test_what_the_search_found_asks_before_each_change_whatever_a_rule_says():
    by, around = rules({"auto": True}), Circumstances(now=NOW, record=Record("x", "1"))
    ticket = triaged()
    made = planner().conclude(ticket)
    assert isinstance(made, PlanReady)
    guess = made.model_copy(update={"found_by": FoundBy.SEARCH})
    for plan, required in ((made, [0, 0]), (guess, [1, 1])):
        ruled = bench().judged(ticket, plan, by, around)
        assert isinstance(ruled, PlanReady)
        assert [step.approval.required for step in ruled.steps] == required
