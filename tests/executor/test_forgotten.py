"""What an engine goes on with after a change of which it does not know what became."""

from structlog.testing import capture_logs

from services.executor.progress import answered
from services.executor.session import Run
from shared.connectors.protocol import Lost
from shared.errors import UnavailableError
from shared.lifecycle import SessionState, StepState
from tests.executor.fakes import MemorySessions, OpenWarden, Target, engine, eventually
from tests.executor.going import about, reply
from tests.executor.sessions import NOW, SESSION_ID, TICKET_ID, running, session, states, step
from tests.executor.test_engine import several, stored


class Unconfirmed(MemorySessions):
    """Stores a change, and says that it does not know whether it did."""

    is_silent = False

    async def save(self, rev, move):
        entries = await super().save(rev, move)
        if self.is_silent and entries is not None:
            self.is_silent = False
            raise UnavailableError("no answer in time")
        return entries


async def test_what_was_claimed_in_a_change_that_nobody_confirmed_is_run():
    sessions, target = Unconfirmed(session(step("a"), step("b", "a"))), Target(wait=True)
    driver = engine(sessions, target)
    await driver.begin(SESSION_ID, TICKET_ID)
    sessions.is_silent = True
    target.may_end.set()
    await eventually(lambda: not driver._works, 60)
    assert states(stored(sessions)) == {"a": "succeeded", "b": "running"}
    await driver.look_around()
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED, 60)
    assert [job.command for job in target.jobs] == ["echo a", "echo b"]
    await driver.close()


async def test_what_an_engine_is_at_already_is_not_taken_on_again():
    class Targets:
        slow, fast = Target(wait=True), Target(wait=True)

        def open(self, target, *, uses=None):
            return self.slow if target == "slow" else self.fast

        def kind(self, _target):
            return "local"

    plan = session(step("a"), step("b", "a"), step("slow", target="slow"))
    sessions, targets = Unconfirmed(plan), Targets()
    driver = engine(sessions, targets)
    await driver.begin(SESSION_ID, TICKET_ID)
    sessions.is_silent = True
    targets.fast.may_end.set()
    await eventually(lambda: stored(sessions).run("b").owner and len(driver._works) == 1, 60)
    await driver.look_around()
    await eventually(lambda: stored(sessions).run("b").state is StepState.SUCCEEDED, 60)
    assert stored(sessions).run("slow").fence == 1
    await driver.close()


async def test_a_result_that_could_not_be_noted_for_a_defect_is_noted_at_the_next_look():
    class Broken(OpenWarden):
        is_broken = True

        async def verdicts(self, session, due):
            if "b" in due and self.is_broken:
                raise OSError(28, "No space left on device")
            return await super().verdicts(session, due)

    sessions, warden = MemorySessions(session(step("a"), step("b", "a"))), Broken()
    driver = engine(sessions, Target(), warden=warden)
    with capture_logs() as logs:
        await driver.begin(SESSION_ID, TICKET_ID)
        await eventually(lambda: not driver._works, 60)
    assert "step.not_noted" in [each["event"] for each in logs]
    assert stored(sessions).run("a").state is StepState.RUNNING
    warden.is_broken = False
    await driver.look_around()
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED, 60)
    await driver.close()


async def test_a_session_that_cannot_be_changed_keeps_no_other_one_from_going_on():
    broken, well = several(2, step("a", asks=1))

    class OneBroken(MemorySessions):
        async def load(self, session_id):
            if session_id == broken.id:
                raise RuntimeError("a defect")
            return await super().load(session_id)

    late = NOW.replace(year=2020)
    waits = {"a": Run(state=StepState.AWAITING_APPROVAL, asked=1)}
    begun = {"begun_at": late, "state": SessionState.WAITING, "runs": waits}
    sessions = OneBroken(*(of.model_copy(update=begun) for of in (broken, well)))
    driver = engine(sessions, Target())
    with capture_logs() as logs:
        await driver.look_around()
    assert sessions.stored[well.id].state is SessionState.FAILED
    assert "session.defect" in [each["event"] for each in logs]
    await driver.close()


async def test_a_step_that_is_to_run_again_after_another_took_it_over_does_run():
    class Answerless(Target):
        async def reattach(self, job, *, on_output=None):
            return Lost("the answer may have been lost")

    left = session(step("a"), state=SessionState.RUNNING, runs={"a": running("gone", claimed=1)})
    sessions, target = MemorySessions(left), Answerless()
    driver = engine(sessions, target)
    await driver.adopt()
    await eventually(lambda: stored(sessions).run("a").question_id, 60)
    again = about(stored(sessions), "a", reply=reply(stored(sessions), "a", fate="again").reply)
    await driver.change(SESSION_ID, lambda of: answered(of, again, "me", NOW))
    await eventually(lambda: stored(sessions).state is SessionState.SUCCEEDED, 60)
    assert [job.key for job in target.jobs] == [stored(sessions).job_key(left.step("a"))]
    assert not stored(sessions).run("a").reattached
    await driver.close()
