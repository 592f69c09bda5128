"""The single changes of a session: what goes with the events that tell of them."""

from services.executor.moves import EVIDENCE_MOST, Move, evidence, hold
from services.executor.session import TAIL, Run
from shared.lifecycle import StepState
from tests.executor.sessions import NOW, session, step


def found(count):
    """What is known when so many steps have written as much as is kept."""
    steps = [step(f"s{number}") for number in range(count)]
    wrote = Run(state=StepState.SUCCEEDED, attempt=1, exit_code=0, output="x" * TAIL)
    return evidence(session(*steps, runs={each.id: wrote for each in steps}))


def test_a_question_tells_what_all_earlier_steps_wrote():
    reasons, *wrote = found(3)
    assert reasons == "the alert's name is ShopDown"
    assert [line.split()[0] for line in wrote] == ["s0", "s1", "s2"]


def test_of_many_steps_a_question_tells_of_the_last_ones_and_how_many_are_left_out():
    _, left_out, *wrote = found(300)
    assert left_out == f"{300 - len(wrote)} steps before these are left out"
    assert wrote[-1].startswith("s299 ")
    size = sum(map(len, wrote))
    assert EVIDENCE_MOST - 2 * TAIL < size <= EVIDENCE_MOST


def test_what_is_waited_for_under_another_name_is_stored_and_not_told_again():
    plan = session(step("a"))
    first = Move(plan, "me", NOW)
    hold(first, plan.step("a"), plan.run("a"), "the same reason", "dry run by me")
    again = Move(first.session, "you", NOW)
    hold(again, plan.step("a"), again.session.run("a"), "the same reason", "dry run by you")
    assert again.session.run("a").held_on == "dry run by you"
    assert ([event.reason for event in first.events], again.events) == (["the same reason"], [])
