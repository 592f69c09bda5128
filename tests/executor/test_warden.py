"""Whether a step whose turn has come may begin, as a table of what stands in its way."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.executor.admission.breaker import Breaker, Threshold
from services.executor.admission.verdict import Ask, Deny, Elsewhere, Go, Hold
from services.executor.admission.warden import Warden
from services.executor.moves import Result
from shared.config import LocalTarget
from shared.config.execution import AtOnce, Execution
from shared.config.policy import PolicyConfig
from shared.connectors.protocol import DryRun, TargetUnreachableError
from shared.events import Alert, AlertStatus, ApprovalRule
from shared.lifecycle import Effect, Risk, StepState
from shared.policy.policy import Policy
from shared.policy.records.record import Record
from tests.executor.fakes import Target
from tests.executor.sessions import NOW, running, session, step

OTHER = UUID("33333333-3333-4333-8333-333333333333")
ALERT = Alert(
    source="alertmanager",
    name="ShopDown",
    status=AlertStatus.FIRING,
    fingerprint="f",
    title="The shop does not answer",
    labels={"service": "shop"},
)


class World:
    """All that a warden asks, as a test wants it to be."""

    def __init__(self):
        self.policy = Policy.of(PolicyConfig(), {})
        self.record = Record("restart", "abc")
        self.begun = 0
        self.held = {}
        self.places = {}
        self.trouble = {}
        self.kept = []
        self.failures = []
        self.waiting = set()

    async def of(self, _runbook):
        return self.record

    async def begun_on(self, _target, _since, *, without):
        return self.begun

    async def count(self, _ticket_id):
        return 1

    async def take(self, targets, session_id):
        for target in targets:
            if self.held.setdefault(target, session_id) != session_id:
                return target, self.held[target]
        return None

    async def enter(self, limit, most, key):
        keys = self.places.setdefault(limit, set())
        if len(keys - {key}) >= most:
            return False
        keys.add(key)
        return True

    async def leave(self, limits, key):
        for limit in limits:
            self.places.get(limit, set()).discard(key)

    async def waits_for(self, session_id, other):
        return (session_id, other) in self.waiting

    async def release(self, session_id):
        self.held = {name: id_ for name, id_ in self.held.items() if id_ != session_id}

    async def all(self):
        return dict(self.trouble)

    async def failed(self, target, now, threshold):
        self.failures.append(target)
        self.trouble[target] = self.trouble.get(target, Breaker()).failed(now, threshold)
        return self.trouble[target]

    async def succeeded(self, target):
        self.trouble.pop(target, None)

    async def keep(self, artifact, _now):
        self.kept.append(artifact)
        return "sha"


def warden(world, *, connector=None, execution=None, **target):
    return Warden(
        keeper=world,
        records=world,
        history=world,
        locks=world,
        breakers=world,
        artifacts=world,
        connectors=connector or Target(),
        targets={"here": LocalTarget(connector="local", **target)},
        execution=execution or Execution(),
        threshold=Threshold(2, timedelta(minutes=10), timedelta(minutes=1)),
        mask=lambda text: text.replace("hunter2", "•••"),
        now=lambda: NOW,
    )


async def verdict(world, *, of=None, step_id="a", **given):
    of = of or session(step("a"), alert=ALERT)
    return (await warden(world, **given).verdicts(of, [step_id]))[step_id]


def policy(**said):
    return Policy.of(PolicyConfig.model_validate(said), {})


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


async def agreed(**fields):
    of = session(step("a", asks=1, **fields), alert=ALERT)
    run = of.run("a").model_copy(update={"state": StepState.READY, "asked": 1, "agreed": 1})
    of = of.with_run("a", run)
    return of.with_run("a", run.model_copy(update={"approval_id": of.approval_id(of.step("a"))}))


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


async def test_one_session_at_a_time_works_on_a_target():
    world = World()
    world.held["here"] = OTHER
    held = await verdict(world, of=await agreed())
    assert held == Hold(f"here is worked on by session {OTHER}", "lock here")
    looks = session(step("a", risk=Risk.LOW, effect=Effect.READ_ONLY), alert=ALERT)
    assert await verdict(world, of=looks) == Go()


@pytest.mark.parametrize(
    ("locks", "target"), [({"target": False}, {}), ({"target": True}, {"lock": False})]
)
async def test_a_lock_can_be_done_without(locks, target):
    world = World()
    world.held["here"], world.policy = OTHER, policy(locks=locks)
    assert await verdict(world, of=await agreed(), **target) == Go()


async def test_a_session_lets_go_of_its_targets_when_it_has_ended():
    world = World()
    of = await agreed()
    keeper = warden(world)
    await keeper.verdicts(of, ["a"])
    assert world.held == {"here": of.id}
    assert await keeper.finished(of) == ["lock here"]
    assert world.held == {}


async def test_what_a_session_has_locked_is_not_asked_for_again():
    world = World()
    of = await agreed()
    keeper = warden(world)
    await keeper.verdicts(of, ["a"])
    world.held["here"] = OTHER
    assert (await keeper.verdicts(of, ["a"]))["a"] == Go()
    await keeper.finished(of)
    assert isinstance((await keeper.verdicts(of, ["a"]))["a"], Hold)


async def test_the_places_of_a_step_that_ended_are_free_for_others():
    world, of = World(), await agreed()
    free = await warden(world, concurrency=1).ended(of, of.step("a"), Result(exit_code=0))
    assert free == ["target here"]


async def test_no_more_steps_of_a_session_run_at_once_than_may():
    few = Execution(at_once=AtOnce(session=1))
    steps = [step(name, risk=Risk.LOW) for name in "ab"]
    of = session(*steps, runs={"a": running()}, alert=ALERT)
    assert isinstance(await verdict(World(), of=of, step_id="b", execution=few), Hold)
    both = await warden(World(), execution=few).verdicts(session(*steps, alert=ALERT), ["a", "b"])
    assert (both["a"], type(both["b"])) == (Go(), Hold)


@pytest.mark.parametrize(
    ("execution", "target", "limit"),
    [
        (AtOnce(target=1), {}, "target here"),
        (AtOnce(), {"concurrency": 1}, "target here"),
        (AtOnce(service=1), {}, "service shop"),
    ],
)
async def test_no_more_steps_run_at_once_on_a_target_or_a_service_than_may(
    execution, target, limit
):
    world = World()
    world.places[limit] = {"another"}
    of = session(step("a", risk=Risk.LOW), alert=ALERT)
    given = {"execution": Execution(at_once=execution), **target}
    assert await verdict(world, of=of, **given) == Hold(
        f"1 steps run at once on {limit}: that is its limit", limit
    )
    world.places[limit] = set()
    keeper = warden(world, **given)
    assert (await keeper.verdicts(of, ["a"]))["a"] == Go()
    begun = of.with_run("a", running())
    await keeper.ended(begun.with_run("a", running(attempt=2)), of.step("a"), Result(exit_code=1))
    assert world.places[limit], "another attempt gives nothing back"
    await keeper.ended(begun, of.step("a"), Result(exit_code=0))
    assert world.places[limit] == set()


async def test_a_target_where_much_goes_wrong_is_left_alone_until_something_succeeds():
    world, of = World(), session(step("a", risk=Risk.LOW), alert=ALERT)
    keeper = warden(world)
    for _ in range(2):
        await keeper.ended(of, of.step("a"), Result(exit_code=1))
    assert "left alone until" in (await keeper.verdicts(of, ["a"]))["a"].reason
    await keeper.ended(of, of.step("a"), Result(exit_code=0))
    assert world.trouble == {}
    assert (await keeper.verdicts(of, ["a"]))["a"] == Go()


async def test_a_look_that_finds_nothing_is_no_trouble():
    world = World()
    of = session(step("a", effect=Effect.READ_ONLY), alert=ALERT)
    await warden(world).ended(of, of.step("a"), Result(exit_code=1))
    assert world.failures == []
    await warden(world).ended(of, of.step("a"), Result(reason="refused", trouble=True))
    assert world.failures == ["here"]


class Dry(Target):
    def __init__(self, made):
        super().__init__()
        self.made, self.asked = made, 0

    async def dry_run(self, job):
        self.asked += 1
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


async def test_people_see_what_it_would_do_and_agree_to_what_the_dry_run_made():
    world, connector = World(), Dry(DryRun("1 to change, password hunter2", b"the plan"))
    said = await verdict(world, connector=connector)
    assert (said.dry_run, said.artifact) == ("1 to change, password •••", "sha")
    assert world.kept == [b"the plan"]


async def test_a_dry_run_that_cannot_be_made_is_said_to_be_missing():
    connector = Dry(TargetUnreachableError("refused hunter2", may_have_started=False))
    said = await verdict(World(), connector=connector)
    assert said.dry_run == "No dry run: refused •••"


async def test_a_dry_run_is_made_once_however_often_a_change_is_decided_anew():
    connector = Dry(DryRun("so"))
    keeper, of = warden(World(), connector=connector), session(step("a"), alert=ALERT)
    for _ in range(3):
        await keeper.verdicts(of, ["a"])
    assert connector.asked == 1


async def test_a_step_that_names_its_target_otherwise_is_led_there_and_asked_about_anew():
    of = session(step("a", target="10.0.0.5:9100"), alert=ALERT)
    assert await verdict(World(), of=of, aliases=["10.0.0.5:*"]) == Elsewhere("here")


async def test_a_target_that_is_not_there_any_more_ends_a_step():
    said = await verdict(World(), of=session(step("a", target="gone"), alert=ALERT))
    assert isinstance(said, Deny)
    assert "declares no target gone (targets: here)" in said.reason


async def test_what_its_target_does_not_allow_never_runs_whatever_was_agreed():
    said = await verdict(World(), of=await agreed(), allow={"commands": ["uptime"]})
    assert isinstance(said, Deny)
    assert said.reason == "target here: what is allowed there does not include: echo a"


SMALL, GREAT = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("mine", "theirs", "verdict_"), [(GREAT, SMALL, Deny), (SMALL, GREAT, Hold)]
)
async def test_of_two_sessions_that_wait_for_each_other_one_gives_up(mine, theirs, verdict_):
    world = World()
    world.held["here"] = theirs
    world.waiting.add((theirs, mine))
    of = (await agreed()).model_copy(update={"id": mine})
    of = of.with_run("a", of.run("a").model_copy(update={"approval_id": _asked_of(of)}))
    assert isinstance(await verdict(world, of=of), verdict_)


def _asked_of(of):
    return of.approval_id(of.step("a"))


async def test_who_waits_for_one_that_waits_for_nobody_goes_on_waiting():
    world = World()
    world.held["here"] = SMALL
    of = (await agreed()).model_copy(update={"id": GREAT})
    of = of.with_run("a", of.run("a").model_copy(update={"approval_id": _asked_of(of)}))
    assert isinstance(await verdict(world, of=of), Hold)


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


@pytest.mark.parametrize(
    ("risk", "asks", "people"), [(Risk.CRITICAL, 1, 2), (Risk.HIGH, 1, 1), (Risk.CRITICAL, 0, 0)]
)
async def test_taking_back_what_nobody_agreed_to_is_asked_as_its_risk_would_be(risk, asks, people):
    undo = step("undo:a", undoes="a", risk=risk, asks=asks)
    said = await verdict(World(), of=session(step("a"), undo, alert=ALERT), step_id="undo:a")
    assert said == Go() if people == 0 else said.rule.required == people


async def test_a_dry_run_with_a_defect_keeps_nobody_from_being_asked():
    said = await verdict(World(), connector=Dry(OSError(28, "No space left on device")))
    assert (said.rule.required, said.dry_run) == (1, "No dry run: OSError")
