"""Dry runs are made beside the work, once, and nothing is agreed to whose plan nobody saw."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from services.executor.admission import rehearsal
from services.executor.admission.rehearsal import UNDER_WAY, Rehearsal, UnderWay
from services.executor.admission.verdict import Ask, Deny, Go, Hold
from shared.connectors.protocol import DryRun, TargetUnreachableError, TargetUnusableError
from shared.lifecycle import StepState
from tests.executor.fakes import (
    KeptOutbox,
    MemoryExecutors,
    MemorySessions,
    Target,
    engine,
    eventually,
)
from tests.executor.sessions import NOW, session, step
from tests.executor.wardens import ALERT, World, rehearsals, verdict, warden

AT_ONCE = timedelta(0)
REFUSED = TargetUnreachableError("refused hunter2", may_have_started=False)
APPLY = {"uses": "terraform", "run": "apply"}


class Dry(Target):
    """Says what each step would do, or raises it, as soon as it may."""

    def __init__(self, made, *, wait=False):
        super().__init__()
        self.made, self.asked = made, 0
        self.may_say = asyncio.Event()
        if not wait:
            self.may_say.set()

    async def dry_run(self, job):
        self.asked += 1
        await self.may_say.wait()
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


def asking(**fields):
    return session(step("a", **{"uses": "sql", **fields}), alert=ALERT)


async def test_people_see_what_it_would_do_and_agree_to_what_the_dry_run_made():
    world, connector = World(), Dry(DryRun("1 to change, password hunter2", b"the plan"))
    said = await verdict(world, of=asking(), connector=connector)
    assert (said.dry_run, said.artifact) == ("1 to change, password •••", "sha")
    assert world.kept == [b"the plan"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (REFUSED, "No dry run: refused •••"),
        (OSError(28, "No space left on device"), "No dry run: OSError"),
    ],
)
async def test_a_dry_run_that_cannot_be_made_is_said_to_be_missing(error, told):
    said = await verdict(World(), of=asking(), connector=Dry(error))
    assert (said.rule.required, said.dry_run) == (1, told)


async def test_a_dry_run_is_made_once_however_often_a_change_is_decided_anew():
    connector = Dry(DryRun("so"))
    keeper, of = warden(World(), connector=connector), asking()
    for _ in range(3):
        await keeper.verdicts(of, ["a"])
    assert connector.asked == 1


async def test_a_shell_is_not_asked_what_it_cannot_say():
    connector = Dry(DryRun("so"))
    said = await verdict(World(), of=asking(uses="local"), connector=connector)
    assert (said.dry_run, connector.asked) == ("", 0)


async def test_a_step_waits_for_a_slow_dry_run_and_is_asked_about_when_it_is_there():
    connector = Dry(DryRun("so"), wait=True)
    keeper, of = warden(World(), connector=connector), asking()
    held = (await keeper.verdicts(of, ["a"]))["a"]
    assert isinstance(held, Hold)
    assert held.reason == UNDER_WAY
    connector.may_say.set()
    await eventually(lambda: all(each.task.done() for each in keeper.rehearsals._known.values()))
    assert (await keeper.verdicts(of, ["a"]))["a"].dry_run == "so"


async def test_several_slow_dry_runs_are_not_waited_for_one_after_the_other():
    connector = Dry(DryRun("so"), wait=True)
    steps = [step(f"s{number}", uses="sql") for number in range(4)]
    keeper = warden(World(), connector=connector)
    said = await keeper.verdicts(session(*steps, alert=ALERT), [each.id for each in steps])
    assert {type(each) for each in said.values()} == {Hold}
    assert connector.asked == 4, "all are being made by now"


async def test_another_session_goes_on_while_a_dry_run_takes_its_time():
    slow = asking()
    quick = session(step("b", uses="local"), alert=ALERT)
    quick = quick.model_copy(update={"id": UUID(int=9)})
    connector, sessions = Dry(DryRun("so"), wait=True), MemorySessions(slow, quick)
    keeper = warden(World(), connector=connector)
    outbox = KeptOutbox()
    mine = engine(sessions, connector, warden=keeper, outbox=outbox)
    keeper.rehearsals.made.append(mine.free)
    await mine.begin(slow.id, slow.ticket_id)
    assert sessions.stored[slow.id].run("a").held == UNDER_WAY
    await mine.begin(quick.id, quick.ticket_id)
    assert sessions.stored[quick.id].run("b").state is StepState.AWAITING_APPROVAL
    connector.may_say.set()
    asked = StepState.AWAITING_APPROVAL
    await eventually(lambda: sessions.stored[slow.id].run("a").state is asked)
    asked_about = [event for event in outbox.events if event.subject.endswith("approval")]
    assert [event.dry_run for event in asked_about] == ["", "so"]
    await mine.close()


async def test_one_executor_makes_it_and_the_others_wait_while_that_one_lives():
    connector, executors = Dry(DryRun("so"), wait=True), MemoryExecutors("me", "you")
    mine = rehearsals(World(), connector, executors=executors)
    yours = rehearsals(World(), connector, owner="you", executors=executors)
    of = asking()
    found = await mine.of(of, of.step("a"), patience=AT_ONCE)
    assert isinstance(found, UnderWay)
    held = of.with_run("a", of.run("a").model_copy(update={"held_on": found.on}))
    assert await yours.of(held, of.step("a"), patience=AT_ONCE) == found
    await eventually(lambda: connector.asked == 1)
    await executors.resign("me")
    taken_over = await yours.of(held, of.step("a"), patience=AT_ONCE)
    assert taken_over != found
    await mine.close()
    await yours.close()


async def test_who_waits_is_told_when_it_is_there():
    told = []

    async def hear(names):
        told.extend(names)

    connector = Dry(DryRun("so"), wait=True)
    mine = rehearsals(World(), connector)
    mine.made.append(hear)
    of = asking()
    found = await mine.of(of, of.step("a"), patience=AT_ONCE)
    connector.may_say.set()
    await eventually(lambda: told)
    assert told == [found.on]


async def test_one_that_failed_is_tried_again_a_while_later():
    connector, now = Dry(REFUSED), [NOW]
    mine, of = rehearsals(World(), connector), asking()
    mine.now = lambda: now[0]
    assert (await mine.of(of, of.step("a"))).failed == "refused •••"
    connector.made = DryRun("so")
    assert (await mine.of(of, of.step("a"))).failed == "refused •••"
    now[0] += rehearsal.FAILED_FRESH + timedelta(seconds=1)
    assert await mine.of(of, of.step("a")) == Rehearsal("so")


async def test_only_so_many_are_made_at_once_on_one_target():
    connector = Dry(DryRun("so"), wait=True)
    mine = rehearsals(World(), connector)
    many = session(*(step(f"s{n}", uses="sql") for n in range(rehearsal.AT_ONCE + 2)), alert=ALERT)
    for each in many.steps:
        await mine.of(many, each, patience=AT_ONCE)
    await eventually(lambda: connector.asked == rehearsal.AT_ONCE)
    elsewhere = step("other", uses="sql", target="there")
    await mine.of(many, elsewhere, patience=AT_ONCE)
    await eventually(lambda: connector.asked == rehearsal.AT_ONCE + 1)
    connector.may_say.set()
    await eventually(lambda: connector.asked == rehearsal.AT_ONCE + 3)
    await mine.close()


@pytest.mark.parametrize(
    "made", [TargetUnusableError("no plan: a syntax error"), DryRun("text, and nothing kept"), None]
)
async def test_nobody_is_asked_about_a_plan_that_cannot_be_shown(made):
    said = await verdict(World(), of=asking(**APPLY), connector=Dry(made))
    assert isinstance(said, Deny)
    assert "no plan of it that people could agree to" in said.reason


async def test_a_yes_that_was_given_without_the_plan_is_asked_for_again_with_it():
    of = asking(asks=1, **APPLY)
    run = of.run("a").model_copy(update={"state": StepState.READY, "asked": 1, "agreed": 1})
    of = of.with_run("a", run)
    unseen = of.with_run("a", run.model_copy(update={"approval_id": of.approval_id(of.step("a"))}))
    said = await verdict(World(), of=unseen, connector=Dry(DryRun("1 to add", b"plan")))
    assert isinstance(said, Ask)
    assert (said.dry_run, said.artifact) == ("1 to add", "sha")


async def test_what_nobody_is_asked_about_needs_no_plan_to_be_seen():
    world = World()
    undo = step("undo:a", undoes="a", **APPLY)
    of = session(step("a"), undo, alert=ALERT)
    assert await verdict(world, of=of, step_id="undo:a", connector=Dry(REFUSED)) == Go()
