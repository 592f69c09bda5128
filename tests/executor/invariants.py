"""What always holds of a session, whatever happened to it."""

from itertools import pairwise

from services.executor.advance import advanced
from services.executor.moves import Move
from shared.events import Join, SessionFinished
from shared.lifecycle import SESSION_ENDED, SessionState, StepState


def always(play, before, move):
    """Fail where a move of a play breaks a promise; remember in the play what it did."""
    for step_id in move.claimed:
        _claimed(play, before, move, move.session.step(step_id))
    play.ended += [
        step.id
        for step in before.steps
        if move.session.run(step.id).ended_at != before.run(step.id).ended_at
    ]
    _told_its_end_once(play, before, move)
    _nobody_waits_for_nothing(play, move)
    _only_taken_back_where_wanted(before, move.session)


def _claimed(play, before, move, step):
    run = move.session.run(step.id)
    assert run.state is StepState.RUNNING, f"{step.id} is to be run, and is {run.state}"
    assert not step.is_group, f"{step.id} stands for others, and is to be run"
    if run.is_taken_over:
        return
    assert not run.has_to_be_asked, f"{step.id} begins though the yes to it was taken back"
    assert (step.id, run.attempt) not in play.attempts, f"{step.id} runs again as {run.attempt}"
    play.attempts.add((step.id, run.attempt))
    assert not move.session.paused, f"{step.id} begins while the session is paused"
    if step.undoes is None:
        _may_begin(before, move.session, step)
    else:
        _may_undo(play, move.session, step)


def _may_begin(before, session, step):
    assert before.state not in SESSION_ENDED, f"{step.id} begins after the end"
    assert session.ending is None, f"{step.id} begins while the session is ended"
    assert not before.rolling_back, f"{step.id} begins while the plan is taken back"
    outer = step.parent and session.run(step.parent)
    assert not outer or (outer.opened and not outer.over), f"{step.id} begins outside its group"
    needed = [session.step(need) for need in step.needs]
    if step.join is Join.ALL:
        blocked = [n.id for n in needed if not _lets_pass(session, n)]
        assert not blocked, f"{step.id} begins and needs {blocked}"
    else:
        states = {session.run(need.id).state for need in needed}
        assert StepState.SUCCEEDED in states, f"{step.id} begins with none of those it needs"


def _lets_pass(session, needed):
    return session.run(needed.id).over and not session.stands_in_the_way(needed)


def _may_undo(play, session, step):
    runs = {each.id for each in session.steps if session.run(each.id).state is StepState.RUNNING}
    assert runs == {step.id}, f"{step.id} begins beside {runs}"
    assert (step.undoes, 1) in play.attempts, f"{step.undoes} never began, and is taken back"
    if session.run(step.id).attempt == 1:
        play.undone.append(step.undoes)


def _told_its_end_once(play, before, move):
    play.finished += sum(isinstance(event, SessionFinished) for event in move.events)
    assert play.finished == (move.session.state in SESSION_ENDED), "its end is told once"
    if before.state in SESSION_ENDED:
        assert not move.events, "something happened after the end"
        assert not move.claimed, "something runs after the end"
    if move.session.state in SESSION_ENDED:
        open_ = [step.id for step in move.session.steps if not move.session.run(step.id).over]
        assert not open_, f"it has ended, and {open_} have not"


def _nobody_waits_for_nothing(play, move):
    """Nothing could go on by itself that did not."""
    session = move.session
    if session.state in SESSION_ENDED or session.state is SessionState.PLANNED:
        return
    again = advanced(Move(session, "me", play.now))
    assert again.session.runs == session.runs, "looking again changes something"
    assert all(session.run(id_).held for id_ in again.due), "what is due and not held did not begin"


def _only_taken_back_where_wanted(before, session):
    if session.rolling_back and not before.rolling_back:
        assert session.ending is None or session.ending.rollback, "nobody wanted it taken back"


def taken_back_in_order(play):
    """What was begun is taken back once, what ended last before the rest."""
    undoing = [step.undoes for step in play.session.steps if step.undoes]
    planned_ids = {step.id for step in play.session.steps if step.rollback and not step.is_group}
    last_first = list(dict.fromkeys(reversed(play.ended)))
    begun = {step_id for step_id, _ in play.attempts}
    wanted = [id_ for id_ in last_first if id_ in planned_ids & begun]
    assert undoing == (wanted if play.session.rolling_back else []), f"{undoing} for {wanted}"
    places = [undoing.index(id_) for id_ in play.undone]
    assert all(one < two for one, two in pairwise(places)), f"taken back as {play.undone}"
