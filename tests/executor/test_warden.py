"""Whether a step whose turn has come may begin, by the policy and its target as they are now."""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from services.executor.admission.verdict import Ask, Deny, Elsewhere, Go
from services.executor.advance import admit
from services.executor.moves import Move
from services.executor.session import Before, Run
from shared.config import Target
from shared.events import ApprovalRule
from shared.lifecycle import Risk, StepState
from tests.executor.sessions import NOW, session, step
from tests.executor.wardens import ALERT, World, agreed, policy, verdict, warden


async def test_a_step_begins_that_nothing_stands_against():
    # Its plan let it run, by a rule that is not there any more, so its risk is what counts now.
    assert await verdict(World(), of=session(step("a", risk=Risk.LOW), alert=ALERT)) == Go()


async def test_a_policy_that_became_stricter_asks_for_what_the_plan_let_run():
    said = await verdict(World())
    assert isinstance(said, Ask)
    assert (said.rule.required, said.rule.rule) == (1, "default")


async def test_a_policy_that_became_looser_does_not_loosen_a_plan():
    world = World()
    world.policy = policy(rules=[{"name": "all", "auto": True}])
    said = await verdict(world, of=session(step("a", asks=2), alert=ALERT))
    assert isinstance(said, Ask)
    assert said.rule.required == 2


async def test_a_step_that_enough_people_agreed_to_begins():
    assert await verdict(World(), of=await agreed()) == Go()


async def test_a_yes_to_another_command_is_none():
    of = await agreed()
    drifted = of.with_step(of.step("a").model_copy(update={"run": "echo other"}))
    assert isinstance(await verdict(World(), of=drifted), Ask)


async def test_a_policy_that_now_wants_two_asks_again():
    world = World()
    world.policy = policy(rules=[{"name": "two", "require": 2}])
    said = await verdict(world, of=await agreed())
    assert (said.rule.required, said.rule.rule) == (2, "two")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"deny": [{"name": "rm", "command": "echo a", "reason": "never"}]}, "by deny rm: never"),
        ({"rules": [{"name": "no", "deny": "not here"}]}, "by no: not here"),
        ({"modes": {"runbooks": {"*": "suggest"}}}, "only suggest here now"),
        ({"caps": {"per_target_per_hour": 2}}, "there were 2 changes on here"),
    ],
)
async def test_what_the_policy_does_not_allow_any_more_never_runs(said, why):
    world = World()
    world.policy, world.begun = policy(**said), 2
    denied = await verdict(world, of=await agreed())
    assert isinstance(denied, Deny)
    assert why in denied.reason


async def test_a_text_that_was_written_late_is_judged_as_written():
    world = World()
    world.policy = policy(deny=[{"name": "web", "when": 'target.name == "here"'}])
    assert isinstance(await verdict(world, of=session(step("a", risk=Risk.LOW))), Deny)


async def test_a_runbook_that_lost_its_trust_meanwhile_does_not_run():
    world = World()
    world.record = replace(world.record, runs=9, failed=3, failed_in_a_row=3)
    assert isinstance(await verdict(world), Deny)


async def test_a_step_that_names_its_target_otherwise_is_led_there_and_asked_about_anew():
    of = session(step("a", target="10.0.0.5:9100"), alert=ALERT)
    assert await verdict(World(), of=of, aliases=["10.0.0.5:*"]) == Elsewhere("here")


async def test_a_target_that_is_not_there_any_more_ends_a_step():
    said = await verdict(World(), of=session(step("a", target="gone"), alert=ALERT))
    assert isinstance(said, Deny)
    assert "declares no target gone (targets: here)" in said.reason


async def test_a_changed_step_is_not_led_to_a_target_that_it_cannot_act_on():
    of = session(step("a", uses="ssh"), alert=ALERT)
    changed = Run(state=StepState.READY, before=Before(step=step("a")))
    said = await verdict(World(), of=of.with_run("a", changed))
    assert said == Deny("target here is reached by local, the step uses ssh")


async def test_what_its_target_does_not_allow_never_runs_whatever_was_agreed():
    said = await verdict(World(), of=await agreed(), allow={"commands": ["uptime"]})
    assert isinstance(said, Deny)
    assert said.reason == "target here: what is allowed there does not include: echo a"


@pytest.mark.parametrize(
    ("plan", "rule", "who"),
    [
        ((), ("ann@x", "bob@x"), ("ann@x", "bob@x")),
        (("ann@x", "bob@x"), (), ("ann@x", "bob@x")),
        (("ann@x", "bob@x"), ("bob@x", "eve@x"), ("bob@x",)),
    ],
)
async def test_of_a_plan_and_a_policy_that_ask_as_many_the_narrower_people_are_asked(
    plan, rule, who
):
    world = World()
    world.policy = policy(rules=[{"name": "who", "require": 1, "from": list(rule)}])
    asks = ApprovalRule(required=1, reason="its plan", who=plan)
    said = await verdict(world, of=session(step("a", approval=asks), alert=ALERT))
    assert (said.rule.required, said.rule.who) == (1, who)


async def test_a_yes_does_not_count_once_other_people_have_to_give_it():
    world, of = World(), await agreed()
    assert await verdict(world, of=of) == Go()
    world.policy = policy(rules=[{"name": "who", "require": 1, "from": ["ann@x"]}])
    said = await verdict(world, of=of)
    assert isinstance(said, Ask)
    assert said.rule.who == ("ann@x",)


SSH = {
    "connector": "ssh",
    "host": "10.0.0.5",
    "user": "ops",
    "key": {"env": "KEY"},
    "host_key": "ssh-ed25519 AAAA",
}
THERE = {"here": SSH | {"via": "door"}, "door": SSH}
TARGETS = TypeAdapter(dict[str, Target])


@pytest.mark.parametrize(
    ("name", "said", "is_asked"),
    [
        ("other", SSH, False),
        ("here", THERE["here"] | {"labels": {"tier": "web"}, "concurrency": 2}, False),
        ("here", THERE["here"] | {"host": "10.0.0.9"}, True),
        ("here", THERE["here"] | {"key": {"env": "OTHER_KEY"}}, True),
        ("here", SSH, True),
        ("here", {"connector": "local"}, True),
        ("door", SSH | {"host": "10.0.0.9"}, True),
    ],
    ids=["another", "labels and limits", "host", "key", "no way", "connector", "way"],
)
async def test_a_yes_is_for_the_target_as_it_was_when_people_were_asked(name, said, is_asked):
    judge = warden(World())
    judge.targets = TARGETS.validate_python(THERE)
    of = session(step("a", asks=1), alert=ALERT).with_run("a", Run(state=StepState.READY))
    move = admit(Move(of, "me", NOW), await judge.verdicts(of, ["a"]))
    run = move.session.run("a")
    assert run.state is StepState.AWAITING_APPROVAL
    of = move.session.with_run("a", run.becomes(StepState.READY, agreed=1))
    judge.targets = TARGETS.validate_python(THERE | {name: said})
    verdicts = await judge.verdicts(of, ["a"])
    assert isinstance(verdicts["a"], Ask if is_asked else Go)
    if is_asked:
        (asked,) = admit(Move(of, "me", NOW), verdicts).events
        assert "its target" in asked.again


async def test_a_rule_that_wants_another_person_than_the_requester_by_now_asks_anew():
    theirs = ApprovalRule(required=1, reason="its plan", not_requester=False)
    alert = ALERT.model_copy(update={"requested_by": "ann@x"})
    of = session(step("a", approval=theirs), alert=alert)
    of = of.with_run("a", Run(state=StepState.READY, asked=1, agreed=1))
    yes = {"approval_id": of.approval_id(of.step("a"))}
    of = of.with_run("a", of.run("a").model_copy(update=yes))
    world = World()
    world.policy = policy(rules=[{"name": "any", "require": 1, "not_requester": False}])
    assert await verdict(world, of=of) == Go()
    world.policy = policy()
    said = await verdict(world, of=of)
    assert isinstance(said, Ask)
    assert said.rule.not_requester


@pytest.mark.parametrize(
    ("risk", "asks", "people"), [(Risk.CRITICAL, 1, 2), (Risk.HIGH, 1, 1), (Risk.CRITICAL, 0, 0)]
)
async def test_taking_back_what_nobody_agreed_to_is_asked_as_its_risk_would_be(risk, asks, people):
    undo = step("undo:a", undoes="a", risk=risk, asks=asks)
    said = await verdict(World(), of=session(step("a"), undo, alert=ALERT), step_id="undo:a")
    assert said == Go() if people == 0 else said.rule.required == people
