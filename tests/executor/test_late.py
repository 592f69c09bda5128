"""From a runbook to what is asked for: texts that need the outputs of earlier steps."""

import subprocess
from dataclasses import replace

import pytest

from services.executor.moves import Result
from shared.connectors.protocol import Ended
from shared.lifecycle import SessionState, Severity
from shared.runbook import draft
from tests.executor.fakes import MemorySessions, Target, engine, eventually
from tests.executor.going import approved, begin, ended
from tests.executor.sessions import NOW, session, states
from tests.executor.test_engine import ran
from tests.runbook.library import CLEAN, TELL, whole, written
from tests.runbook.runbooks import alert, one_yes
from tests.runbook.test_quoting import HOSTILE

FOUND = {"hosts": ["web-1", "web-2", "web-3"], "leader": "a; rm -rf /", "count": 3}


def free(risk):
    return one_yes(risk).model_copy(update={"required": 0})


def planned(book, approve=free):
    made = draft(
        book, alert("GroupDiskFull", labels={"group": "web"}), Severity.P2, approve=approve
    )
    return session(*made.steps, params=made.params, values=made.values)


def begun(book, **fields):
    return begin(planned(book, **fields), "me", NOW, source_resolved=False)


def over(move, name, **outputs):
    run = move.session.run(name)
    result = Result(exit_code=0, outputs=outputs)
    return ended(move.session, name, "me", NOW, fence=run.fence, result=result)


@pytest.fixture
def book(tmp_path):
    return whole(tmp_path)


def test_the_steps_of_items_are_made_when_they_are_found(book):
    move = over(begun(book), "look", **FOUND)
    parts = move.session.parts("clean")
    assert [(part.id, part.target) for part in parts] == [
        ("clean[0]", "web-1"),
        ("clean[1]", "web-2"),
        ("clean[2]", "web-3"),
    ]
    assert parts[1].run == "clean --keep=7 --leader 'a; rm -rf /' web-2"
    assert move.rewritten
    # Two at a time, and people are asked for each of them.
    assert states(move.session)["clean[1]"] == "awaiting_approval"
    assert states(move.session)["clean[2]"] == "pending"


def test_what_people_are_asked_for_is_the_written_text_and_its_digest(book):
    move = over(begun(book), "look", **FOUND)
    asked = [event for event in move.events if event.subject == "step.awaiting_approval"]
    part = move.session.step("clean[0]")
    assert asked[0].command == "clean --keep=7 --leader 'a; rm -rf /' web-1"
    assert asked[0].step_hash == part.digest(move.session.id)
    assert asked[0].target == "web-1"
    assert asked[0].required == 2


def test_a_step_that_is_approved_runs_as_it_was_asked_for(book):
    move = over(begun(book), "look", **FOUND)
    move = approved(move.session, "clean[0]", "me", NOW, people=2)
    started = next(event for event in move.events if event.subject == "step.started")
    assert started.command == "clean --keep=7 --leader 'a; rm -rf /' web-1"


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({"count": 3, "leader": "a"}, "look found no hosts"),
        ({"count": 3, "hosts": ["web-1"]}, "look found no leader"),
        ({"count": 3, "hosts": ["a"] * 6, "leader": "a"}, "has 6 items, and its limit is 5"),
        ({"count": 3, "hosts": ["web-1"], "leader": "-x"}, "would be read as an option"),
        ({"count": 3, "hosts": ["web-1"], "leader": "a\nb"}, "has a line break"),
        ({"hosts": ["web-1"], "leader": "a"}, "its condition cannot be evaluated"),
    ],
)
def test_a_value_that_is_missing_or_cannot_be_put_there_fails_the_step_with_the_reason(
    book, outputs, reason
):
    move = over(begun(book), "look", **outputs)
    run = move.session.run("clean")
    assert (run.state, reason in run.reason) == ("failed", True), run.reason
    assert move.session.parts("clean") == []


def test_no_items_are_nothing_to_do(book):
    move = over(begun(book), "look", hosts=[], leader="a", count=1)
    assert states(move.session)["clean"] == "succeeded"


def test_outputs_are_seen_by_conditions(book):
    move = over(begun(book), "look", hosts=[], leader="a", count=0)
    assert states(move.session)["clean"] == "skipped"


def test_an_included_runbook_sees_its_own_steps_and_parameters(book):
    move = over(begun(book), "look", hosts=[], leader="a", count=0)
    for name in ("each[0]", "each[1]"):
        move = over(move, name)
    move = over(move, "tell.say", said=41)
    assert move.session.step("tell.again").run == "say 41"
    assert states(move.session)["tell.again"] == "awaiting_approval"


@pytest.mark.parametrize("value", [each for each in HOSTILE if each])
def test_a_hostile_output_arrives_as_one_argument(value, tmp_path):
    tell = TELL.replace("'\\d+', type: integer", "'.*'").replace(
        'run: "say {{ steps', 'run: "printf [%s] {{ steps'
    )
    library = written(tmp_path, clean=CLEAN, tell=tell)
    move = over(begun(library.get("tell")), "say", said=value)
    # Its condition looks at a parameter that is 1 here.
    assert states(move.session)["again"] == "skipped"
    library = written(tmp_path, clean=CLEAN, tell=tell.replace(" && params.times > 1", ""))
    empty = tmp_path / "empty"
    empty.mkdir()
    command = over(begun(library.get("tell")), "say", said=value).session.step("again").run
    ran_ = subprocess.run(["/bin/sh", "-c", command], cwd=empty, capture_output=True, check=True)
    assert ran_.stdout == b"[" + value.encode() + b"]"
    assert list(empty.iterdir()) == []


async def test_outputs_come_from_what_was_written_with_secrets_masked(tmp_path):
    text = TELL.replace("'\\d+', type: integer", "'said (.*)'")
    plan = planned(written(tmp_path, tell=text).get("tell"))
    ended = Ended(0, "said hunter2\n", "said other\n")
    done, target, _ = await ran(plan, ended, secrets=["hunter2"])
    assert done.run("say").outputs == {"said": "•••"}
    assert states(done) == {"say": "succeeded", "again": "skipped"}
    assert len(target.jobs) == 1


async def test_a_plan_with_items_and_included_runbooks_runs_to_its_end(book):
    plan = planned(book)
    steps = tuple(
        each.model_copy(update={"asks": None, "approval": free(each.risk)}) for each in plan.steps
    )
    found = '{"hosts": [{"name": "web-1"}, {"name": "web-2"}], "count": 2, "x": "leader=me"}'
    sessions = MemorySessions(plan.model_copy(update={"steps": steps}))

    class Inventory(Target):
        async def run(self, job, *, on_output=None):
            ended_as = await super().run(job, on_output=on_output)
            if job.command.startswith("inventory"):
                return Ended(0, found, "")
            return replace(ended_as, stdout="42\n")

    target = Inventory()
    driver = engine(sessions, target)
    await driver.begin(plan.id, plan.ticket_id)
    await eventually(lambda: not driver._works)
    await driver.close()
    done = sessions.stored[plan.id]
    assert done.state is SessionState.SUCCEEDED, done.tried()
    assert sorted(job.command for job in target.jobs) == [
        "clean --keep=7 --leader 'me\"}' web-1",
        "clean --keep=7 --leader 'me\"}' web-2",
        "echo /tmp 300 8 '/var,/tmp'",
        "echo /var 300 8 '/var,/tmp'",
        "inventory --group web",
        "say 'cleaned web' 7",
        "say 42",
    ]
