"""A session whose plan includes a runbook once for each item."""

import pytest

from shared.connectors.protocol import Ended
from shared.lifecycle import SessionState, Severity
from shared.runbook import draft
from tests.executor.fakes import MemorySessions, Target, engine, eventually
from tests.executor.sessions import session, states
from tests.executor.test_late import free
from tests.runbook.library import TELL, written
from tests.runbook.runbooks import alert
from tests.runbook.test_including_each import EACH


class Listener(Target):
    """Fails what speaks to one of them."""

    deaf = "nobody"

    async def run(self, job, *, on_output=None):
        await super().run(job, on_output=on_output)
        return Ended(1 if self.deaf in job.command else 0, "42\n", "")


async def run_with(folder, target, text=EACH):
    library = written(folder, each=text, tell=TELL)
    heard = alert("News", labels={"people": "ann,bob,cem"})
    made = draft(library.get("tell-all"), heard, Severity.P2, approve=free)
    steps = tuple(
        step.model_copy(update={"asks": None, "approval": free(step.risk)}) for step in made.steps
    )
    plan = session(*steps, params=made.params, values=made.values)
    sessions = MemorySessions(plan)
    driver = engine(sessions, target)
    await driver.begin(plan.id, plan.ticket_id)
    await eventually(lambda: not driver._works)
    await driver.close()
    return sessions.stored[plan.id], [job.command for job in target.jobs]


async def test_it_runs_for_each_of_them_with_its_own_outputs(tmp_path):
    text = EACH.replace('{{ person }}"', '{{ person }}", times: 2')
    done, ran = await run_with(tmp_path, Listener(), text)
    assert done.state is SessionState.SUCCEEDED, done.tried()
    assert sorted(ran) == [
        *("say 'hello ann' 2", "say 'hello bob' 2", "say 'hello cem' 2"),
        *("say 42", "say 42", "say 42"),
        "who",
    ]


async def test_one_that_fails_fails_the_whole_and_keeps_back_who_waited_for_its_turn(tmp_path):
    target = Listener()
    target.deaf = "hello ann"
    done, ran = await run_with(tmp_path, target)
    became = states(done)
    assert (became["tell"], became["tell[0]"], became["tell[1]"]) == (
        "failed",
        "failed",
        "succeeded",
    )
    assert became["tell[2].say"] == "skipped"
    assert done.run("tell").exit_code is None
    assert done.state is SessionState.FAILED
    assert "say 'hello cem' 1" not in ran


@pytest.mark.parametrize("at_once", [", at_once: 2", ""])
async def test_with_continue_the_others_are_told_and_the_plan_goes_on(tmp_path, at_once):
    target = Listener()
    target.deaf = "hello ann"
    text = EACH.replace(", at_once: 2", at_once)
    text = text.replace("    runbook: tell\n", "    runbook: tell\n    on_failure: continue\n")
    done, ran = await run_with(tmp_path, target, text)
    assert done.state is SessionState.SUCCEEDED, done.tried()
    assert states(done)["tell"] == "failed"
    assert "say 'hello cem' 1" in ran
