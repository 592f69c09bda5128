"""What is to be ended is ended, whenever that is said, and nothing of it begins any more."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.executor.progress import wound_down
from services.executor.session import Ending
from shared.connectors.protocol import Ended, TargetUnreachableError
from shared.errors import SettingsError
from shared.events import SessionOutcome
from shared.lifecycle import Effect, SessionState
from tests.executor.fakes import MemoryArtifacts, MemorySessions, Target, engine, eventually
from tests.executor.sessions import NOW, SESSION_ID, TICKET_ID, running, session, states, step

ENDING = Ending(reason="ended by ann", outcome=SessionOutcome.CANCELLED)


class Stoppable(Target):
    """What runs there runs until it is ended; ``answers`` are those to requests to end it."""

    def __init__(self, *answers):
        super().__init__(*6 * [Ended(143, "", "", cancelled=True)], wait=True)
        self.attached, self.cancelled, self._answers = [], [], list(answers)
        self.may_read = asyncio.Event()

    async def reattach(self, job, *, on_output=None):
        self.attached.append(job.key)
        await self.may_end.wait()
        return Ended(143, "", "", cancelled=True)

    async def read(self, command, *, timeout):  # noqa: ASYNC109 the contract has it
        self.reads.append(command)
        await self.may_read.wait()
        return Ended(1, "", "")

    async def cancel(self, key):
        self.cancelled.append(key)
        answer = self._answers.pop(0) if self._answers else True
        if isinstance(answer, Exception):
            raise answer
        if answer:
            self.may_end.set()
        return answer


class SlowArtifacts(MemoryArtifacts):
    """Gives an artifact out when a test lets it."""

    def __init__(self):
        super().__init__({"sha": b"the plan"})
        self.asked, self.may_load = asyncio.Event(), asyncio.Event()

    async def load(self, digest):
        self.asked.set()
        await self.may_load.wait()
        return await super().load(digest)


async def end(driver):
    await driver.change(SESSION_ID, lambda of: wound_down(of, "me", NOW, ENDING))


async def over(driver, sessions):
    """The session when it has ended."""
    await eventually(lambda: sessions.stored[SESSION_ID].state is SessionState.CANCELLED, 60)
    await driver.close()
    return sessions.stored[SESSION_ID]


async def test_a_step_that_was_to_be_ended_when_its_executor_died_is_ended_where_it_runs():
    runs = {"a": running("gone", claimed=1, stop=ENDING.reason)}
    left = session(step("a"), state=SessionState.RUNNING, runs=runs, ending=ENDING, begun_at=NOW)
    sessions, target = MemorySessions(left), Stoppable()
    driver = engine(sessions, target)
    await driver.adopt()
    done = await over(driver, sessions)
    key = left.job_key(left.step("a"))
    assert (target.attached, target.cancelled, target.jobs) == ([key], [key], [])
    assert done.run("a").reason == "it was ended: ended by ann"


async def test_a_step_that_was_to_be_ended_and_never_reached_its_target_is_not_begun_by_another():
    class Empty(Stoppable):
        async def reattach(self, job, *, on_output=None):
            return None

    runs = {"a": running("gone", claimed=1, stop=ENDING.reason)}
    left = session(step("a"), state=SessionState.RUNNING, runs=runs, ending=ENDING, begun_at=NOW)
    sessions, target = MemorySessions(left), Empty()
    driver = engine(sessions, target)
    await driver.adopt()
    assert states(await over(driver, sessions)) == {"a": "failed"}
    assert target.jobs == []


async def test_what_is_ended_while_its_check_runs_does_not_begin():
    guarded = step("a", effect=Effect.CHECK_THEN_ACT, check="test -e done")
    sessions, target = MemorySessions(session(guarded)), Stoppable()
    driver = engine(sessions, target)
    await driver.begin(SESSION_ID, TICKET_ID)
    await eventually(lambda: target.reads, 60)
    await end(driver)
    target.may_read.set()
    done = await over(driver, sessions)
    assert target.jobs == []
    assert done.run("a").reason == "it was ended: ended by ann"


async def test_what_is_ended_while_its_artifact_is_fetched_does_not_begin():
    sessions, target = MemorySessions(session(step("a", artifact="sha"))), Stoppable()
    artifacts = SlowArtifacts()
    driver = engine(sessions, target, artifacts=artifacts)
    await driver.begin(SESSION_ID, TICKET_ID)
    await artifacts.asked.wait()
    await end(driver)
    artifacts.may_load.set()
    await over(driver, sessions)
    assert target.jobs == []


@pytest.mark.parametrize(
    "answer", [False, TargetUnreachableError("refused", may_have_started=False)], ids=["no", "away"]
)
async def test_a_target_that_did_not_end_a_step_is_asked_again(answer):
    sessions, target = MemorySessions(session(step("a"))), Stoppable(answer, answer)
    driver = engine(sessions, target)
    await driver.begin(SESSION_ID, TICKET_ID)
    await eventually(lambda: target.jobs, 60)
    await end(driver)
    await over(driver, sessions)
    assert len(target.cancelled) == 3


async def test_a_step_that_cannot_be_ended_is_waited_for():
    class Closed(Stoppable):
        opened = 0

        def open(self, _target, *, uses=None):
            self.opened += 1
            if self.opened > 1:
                raise SettingsError("the secret vault:db is not there")
            return self

    sessions, target = MemorySessions(session(step("a"))), Closed()
    driver = engine(sessions, target)
    await driver.begin(SESSION_ID, TICKET_ID)
    await eventually(lambda: target.jobs, 60)
    with capture_logs() as logs:
        await end(driver)
        await eventually(lambda: [each for each in logs if each["event"].endswith("ended")], 60)
    assert [each["event"] for each in logs] == ["step.cannot_be_ended"]
    target.may_end.set()
    assert states(await over(driver, sessions)) == {"a": "failed"}
