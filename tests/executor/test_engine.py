"""The engine: changes are stored, then done; and what others left is taken over."""

from datetime import timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from services.executor.admission.verdict import Go, Hold
from services.executor.progress import approved
from services.executor.session import Run
from shared.connectors.protocol import Ended, Lost, TargetUnreachableError, UnknownTargetError
from shared.errors import UnavailableError
from shared.lifecycle import Effect, SessionState, StepState
from tests.executor import going
from tests.executor.fakes import (
    Air,
    KeptOutbox,
    MemoryExecutors,
    MemoryOutput,
    MemorySessions,
    OpenGate,
    OpenWarden,
    Target,
    engine,
    eventually,
)
from tests.executor.sessions import NOW, SESSION_ID, TICKET_ID, running, session, step


def stored(sessions):
    return sessions.stored[SESSION_ID]


async def ran(plan, *outcomes, target=None, **fakes):
    """The session after an engine has taken it on and all came to rest."""
    sessions = MemorySessions(plan)
    target = target or Target(*outcomes)
    driver = engine(sessions, target, **fakes)
    await driver.begin(SESSION_ID, TICKET_ID)
    await eventually(lambda: not driver._works)
    await driver.close()
    return stored(sessions), target, sessions


async def test_a_session_runs_to_its_end():
    done, target, sessions = await ran(session(step("a"), step("b", "a")))
    assert done.state is SessionState.SUCCEEDED
    assert [job.command for job in target.jobs] == ["echo a", "echo b"]
    assert sessions.in_progress == [TICKET_ID]


async def test_events_are_told_in_their_order():
    outbox = KeptOutbox()
    await ran(session(step("a")), outbox=outbox)
    assert [e.subject for e in outbox.events] == [
        "session.started",
        "step.started",
        "step.done",
        "session.finished",
    ]


async def test_a_plan_that_comes_twice_runs_once():
    sessions, target = MemorySessions(session(step("a"))), Target()
    driver = engine(sessions, target)
    await driver.begin(SESSION_ID, TICKET_ID)
    await driver.begin(SESSION_ID, TICKET_ID)
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    assert len(target.jobs) == 1
    await driver.close()


async def test_while_everything_is_stopped_no_step_starts():
    sessions, target, gate = MemorySessions(session(step("a"))), Target(), OpenGate(shut=True)
    driver = engine(sessions, target, gate=gate)
    await driver.begin(SESSION_ID, TICKET_ID)
    await eventually(lambda: gate.came)
    assert stored(sessions).run("a").state is StepState.RUNNING
    assert target.jobs == []
    gate.open.set()
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    assert len(target.jobs) == 1
    await driver.close()


async def test_two_executors_that_take_one_plan_run_it_once():
    sessions, target = MemorySessions(session(step("a"))), Target()
    drivers = [engine(sessions, target, owner=name) for name in ("one", "two")]
    for driver in drivers:
        await driver.begin(SESSION_ID, TICKET_ID)
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    assert len(target.jobs) == 1
    for driver in drivers:
        await driver.close()


async def test_a_session_that_is_not_stored_is_waited_for():
    with pytest.raises(UnavailableError):
        await engine(MemorySessions(), Target()).begin(SESSION_ID, TICKET_ID)


@pytest.mark.parametrize(
    ("outcome", "effect", "state"),
    [
        (Ended(0, "", ""), Effect.ONCE, StepState.SUCCEEDED),
        (Ended(3, "", "no"), Effect.ONCE, StepState.FAILED),
        (Ended(124, "", "", timed_out=True), Effect.ONCE, StepState.FAILED),
        (Lost("gone"), Effect.ONCE, StepState.UNKNOWN),
        (TargetUnreachableError("refused", may_have_started=False), Effect.ONCE, StepState.FAILED),
        (TargetUnreachableError("cut", may_have_started=True), Effect.ONCE, StepState.UNKNOWN),
        (UnknownTargetError("no such target"), Effect.ONCE, StepState.FAILED),
        (RuntimeError("a defect"), Effect.ONCE, StepState.UNKNOWN),
    ],
    ids=lambda value: getattr(value, "reason", None) or str(value)[:30],
)
async def test_what_an_attempt_comes_to(outcome, effect, state):
    done, _, _ = await ran(session(step("a", effect=effect)), outcome)
    assert done.run("a").state is state
    assert done.run("a").reason or state is StepState.SUCCEEDED


async def test_a_lost_idempotent_step_runs_again_under_another_key():
    done, target, _ = await ran(session(step("a", effect=Effect.IDEMPOTENT)), Lost("gone"))
    assert done.state is SessionState.SUCCEEDED
    assert len({job.key for job in target.jobs}) == 2


async def test_a_step_whose_check_says_done_does_not_run():
    target = Target()
    target.check_exit_code = 0
    guarded = step("a", effect=Effect.CHECK_THEN_ACT, check="test -e done")
    done, _, _ = await ran(session(guarded), target=target)
    assert done.run("a").state is StepState.SUCCEEDED
    assert target.jobs == []


async def test_a_step_whose_check_says_not_done_runs():
    guarded = step("a", effect=Effect.CHECK_THEN_ACT, check="test -e done")
    done, target, _ = await ran(session(guarded))
    assert done.run("a").state is StepState.SUCCEEDED
    assert len(target.jobs) == 1


async def test_output_is_shown_while_the_command_runs():
    air = Air()
    await ran(session(step("a")), air=air)
    said = [(subject, told["step_id"], told["text"]) for subject, told in air.heard]
    assert said == [(f"output.{SESSION_ID}", "a", "working\n")]


async def test_all_that_a_command_wrote_is_kept_when_it_ended():
    output = MemoryOutput()
    await ran(session(step("a")), Ended(3, "out", "err"), output=output)
    whole = output.whole["a", 1]
    assert (whole.stdout, whole.stderr, whole.exit_code) == ("out", "err", 3)


async def test_a_store_that_takes_no_output_stops_no_step():
    output = MemoryOutput()
    output.away = True
    done, _, _ = await ran(session(step("a")), output=output)
    assert done.state is SessionState.SUCCEEDED


async def test_secrets_are_masked_in_output_results_and_events():
    outbox, output, air = KeptOutbox(), MemoryOutput(), Air()

    done, _, _ = await ran(
        session(step("a")),
        Ended(1, "hunter2", "hunter2"),
        secrets=["hunter2", "work"],
        outbox=outbox,
        output=output,
        air=air,
    )
    told = "".join(event.model_dump_json() for event in outbox.events)
    assert "hunter2" not in told
    assert "hunter2" not in done.model_dump_json()
    assert "•••" in done.run("a").output
    assert "".join(told["text"] for _, told in air.heard) == "•••ing\n"
    assert (output.whole["a", 1].stdout, output.whole["a", 1].stderr) == ("•••", "•••")


async def test_of_a_secret_whose_middle_was_left_out_neither_end_is_shown():
    cut = "it is hunt\n[5 bytes are left out here]\npass2 and more"
    output = MemoryOutput()
    await ran(session(step("a")), Ended(0, cut, ""), secrets=["hunter-bypass2"], output=output)
    assert output.whole["a", 1].stdout == "it is •••\n[5 bytes are left out here]\n••• and more"


async def test_steps_of_a_dead_executor_are_run_to_their_end_under_the_same_key():
    left = session(step("a"), state=SessionState.RUNNING, runs={"a": running("gone")})
    sessions, target = MemorySessions(left), Target(Ended(0, "all of it", "", reattached=True))
    driver = engine(sessions, target, executors=MemoryExecutors("me"))
    assert await driver.adopt() == 1
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    assert target.jobs[0].key == left.job_key(left.step("a"))
    assert stored(sessions).run("a").reattached
    await driver.close()


async def test_an_adopted_once_step_on_an_unreachable_target_is_unknown_not_failed():
    left = session(step("a"), state=SessionState.RUNNING, runs={"a": running("gone")})
    sessions = MemorySessions(left)
    target = Target(TargetUnreachableError("refused", may_have_started=False))
    driver = engine(sessions, target)
    await driver.adopt()
    await eventually(lambda: stored(sessions).run("a").state is StepState.UNKNOWN)
    await driver.close()


async def test_a_late_owner_cannot_write_over_its_successor():
    sessions, slow = MemorySessions(session(step("a"))), Target(Ended(1, "", ""), wait=True)
    late = engine(sessions, slow, owner="late")
    await late.begin(SESSION_ID, TICKET_ID)
    successor = engine(sessions, Target(), owner="next", executors=MemoryExecutors("next"))
    await successor.adopt()
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    slow.may_end.set()
    await eventually(lambda: not late._works)
    assert stored(sessions).run("a").state is StepState.SUCCEEDED
    await late.close()
    await successor.close()


async def test_a_result_waits_for_a_store_that_is_away():
    class Flaky(MemorySessions):
        away = 0

        async def load(self, session_id):
            if self.away:
                self.away -= 1
                raise UnavailableError("away")
            return await super().load(session_id)

    sessions, target = Flaky(session(step("a"))), Target(wait=True)
    driver = engine(sessions, target)
    await driver.begin(SESSION_ID, TICKET_ID)
    sessions.away = 2
    target.may_end.set()
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    await driver.close()


async def test_steps_run_even_when_the_bus_is_away():
    class Away(KeptOutbox):
        async def flush(self, _id, _entries):
            raise UnavailableError("away")

    done, _, _ = await ran(session(step("a")), outbox=Away())
    assert done.state is SessionState.SUCCEEDED


async def test_an_executor_that_leaves_lets_others_take_over_at_once():
    executors = MemoryExecutors("me")
    sessions = MemorySessions(session(step("a")))
    driver = engine(sessions, Target(wait=True), executors=executors)
    await driver.begin(SESSION_ID, TICKET_ID)
    await driver.close()
    assert executors.owners == set()
    assert stored(sessions).run("a").state is StepState.RUNNING


async def test_a_conflicting_change_is_decided_anew():
    sessions = MemorySessions(session(step("a", asks=1), step("b", asks=1)))
    driver = engine(sessions, Target(wait=True))
    await driver.begin(SESSION_ID, TICKET_ID)
    save, once = sessions.save, []

    async def save_after_another(rev, move):
        if not once:
            once.append(True)
            other = going.approved(stored(sessions), "b", "other", NOW)
            await save(stored(sessions).rev, other)
        return await save(rev, move)

    sessions.save = save_after_another
    await driver.change(SESSION_ID, lambda s: approved(s, "a", "me", NOW))
    assert {stored(sessions).run(id_).owner for id_ in "ab"} == {"me", "other"}
    await driver.close()


def several(count, *steps):
    """Sessions of the same plan."""
    return [session(*steps).model_copy(update={"id": uuid4()}) for _ in range(count)]


class OneAtATime(OpenWarden):
    """Lets one session in; the others wait for the same."""

    def __init__(self):
        super().__init__()
        self.inside = None
        self.asked = []

    async def verdicts(self, session, due):
        self.asked.append(session.id)
        if self.inside in (None, session.id):
            self.inside = session.id
            return dict.fromkeys(due, Go())
        return dict.fromkeys(due, Hold("another one is in there", "the place"))

    async def finished(self, session):
        self.inside = None
        return ["the place"]


async def test_who_waits_goes_on_as_soon_as_there_is_room_and_nobody_looks():
    plans = several(5, step("a"))
    sessions, target = MemorySessions(*plans), Target(wait=True)
    driver = engine(sessions, target, warden=OneAtATime())
    for plan in plans:
        await driver.begin(plan.id, TICKET_ID)
    assert [s.run("a").state.value for s in sessions.stored.values()] == ["running"] + 4 * ["ready"]
    target.may_end.set()
    await eventually(lambda: all(s.state.value == "succeeded" for s in sessions.stored.values()))
    assert len(target.jobs) == 5
    await driver.close()


async def test_of_those_that_wait_for_the_same_only_the_first_is_asked_for():
    plans = several(5, step("a"))
    sessions, warden = MemorySessions(*plans), OneAtATime()
    driver = engine(sessions, Target(wait=True), warden=warden)
    for plan in plans:
        await driver.begin(plan.id, TICKET_ID)
    warden.asked.clear()
    await driver.look_around()
    assert warden.asked == [plans[1].id]
    await driver.close()


async def test_a_session_that_others_changed_meanwhile_is_read_anew():
    sessions, target = MemorySessions(session(step("a"), step("b"))), Target(wait=True)
    driver = engine(sessions, target)
    await driver.begin(SESSION_ID, TICKET_ID)
    stale = stored(sessions)
    sessions.stored[SESSION_ID] = stale.model_copy(
        update={"rev": stale.rev + 1, "reasons": ("somebody else was here",)}
    )
    target.may_end.set()
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    assert stored(sessions).reasons == ("somebody else was here",)
    await driver.close()


async def test_a_session_that_waits_for_nothing_is_told_once_and_goes_on():
    left = session(step("a"), state=SessionState.WAITING, runs={"a": Run(state=StepState.READY)})
    sessions = MemorySessions(left)
    driver = engine(sessions, Target())
    with capture_logs() as logs:
        await driver.look_for_stuck(timedelta(seconds=20))
    assert [each["event"] for each in logs if "stuck" in each["event"]] == ["session.stuck"]
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED)
    await driver.close()


async def test_a_session_that_waits_for_people_is_not_stuck():
    sessions = MemorySessions(session(step("a", asks=1)))
    driver = engine(sessions, Target())
    await driver.begin(SESSION_ID, TICKET_ID)
    with capture_logs() as logs:
        await driver.look_for_stuck(timedelta(seconds=20))
    assert logs == []


async def test_five_hundred_sessions_run_at_once_in_one_executor():
    plans = several(500, step("a"))
    sessions, target = MemorySessions(*plans), Target(wait=True)
    driver = engine(sessions, target)
    for plan in plans:
        await driver.begin(plan.id, TICKET_ID)
    await eventually(lambda: len(target.jobs) == 500, seconds=60)
    target.may_end.set()
    await eventually(lambda: all(s.state.value == "succeeded" for s in sessions.stored.values()))
    await driver.close()


async def test_a_target_that_does_not_answer_keeps_no_other_one_waiting():
    class Targets:
        def __init__(self):
            self.slow, self.fast = Target(wait=True), Target()

        def open(self, target, *, uses=None):
            return self.slow if target == "slow" else self.fast

    slow = several(300, step("a", target="slow"))
    fast = several(50, step("a"), step("b", "a"))
    sessions, targets = MemorySessions(*slow, *fast), Targets()
    driver = engine(sessions, targets)
    for plan in (*slow, *fast):
        await driver.begin(plan.id, TICKET_ID)
    await eventually(
        lambda: all(sessions.stored[plan.id].state.value == "succeeded" for plan in fast), 60
    )
    assert {sessions.stored[plan.id].state for plan in slow} == {SessionState.RUNNING}
    await driver.close()
