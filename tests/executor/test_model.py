"""Whatever happens to whatever plan, in whatever order: what always holds of a session."""

import os
from datetime import timedelta
from random import Random

from services.executor import progress
from services.executor.admission.verdict import Ask, Deny, Elsewhere, Hold
from services.executor.advance import admit, settle
from services.executor.moves import Result
from services.executor.session import Ending
from services.executor.withdrawal import withdrawn
from shared.events import Filled, Refusal, Reply, SessionOutcome, StepApprovalWithdrawn
from shared.lifecycle import SESSION_ENDED, SessionState, StepState
from tests.executor.going import about
from tests.executor.going import verdict as as_planned
from tests.executor.invariants import always, taken_back_in_order
from tests.executor.plans import planned
from tests.executor.sessions import NOW

#: So many plans are played; the seeds count from 0, and a failure tells its own.
PLANS = int(os.environ.get("HANDRAIL_MODEL_PLANS", "300"))
#: So much happens while everything may go wrong; after that all goes well, and it has to end.
ROUGH = 60
PATIENCE = 600
WELL = Result(exit_code=0)
LOST = Result(lost=True, reason="gone")


class Play:
    """One session, what happens to it, and what came of that so far."""

    def __init__(self, seed):
        self.chance = Random(seed)
        self.session = planned(self.chance)
        self.acts = []
        self.attempts = set()
        self.undone = []
        self.ended = []
        self.finished = 0

    @property
    def rough(self):
        return len(self.acts) < ROUGH

    @property
    def now(self):
        return NOW + timedelta(seconds=len(self.acts))

    def likely(self, probability):
        return self.rough and self.chance.random() < probability

    def happens(self, what, decide, *arguments, **named):
        """Make a change, and see whether all holds that always holds."""
        self.acts.append(what)
        before, move = self.session, decide(self.session, *arguments, **named)
        if move is None:
            return
        if decide is not progress.adopted:
            move = self._let_in(move)
        always(self, before, move)
        self.session = move.session

    def _let_in(self, move):
        while move.due:
            move = admit(move, {id_: self._verdict(move.session, id_) for id_ in move.due})
        return settle(move)

    def _verdict(self, session, step_id):
        step = session.step(step_id)
        if self.likely(0.15):
            least = max(1, step.approval.required)
            ask = Ask(step.approval.model_copy(update={"required": least}))
            said = [Hold("busy", "lock here"), Hold("busy", "lock here"), Deny("no"), ask]
            elsewhere = [] if step.target == "there" else [Elsewhere("there")]
            return self.chance.choice([*said, *elsewhere])
        return as_planned(session, step_id)


def _attempt_ends(play, step_id):
    run = play.session.run(step_id)
    result = play.chance.choice([WELL, WELL, Result(exit_code=1), LOST]) if play.rough else WELL
    if run.stop and play.chance.random() < 0.7:
        result = Result(exit_code=143)
    told = f"{step_id} {'lost' if result.lost else result.exit_code}"
    play.happens(told, progress.ended, step_id, run.owner, play.now, fence=run.fence, result=result)


def _late_owner_ends(play, step_id):
    run = play.session.run(step_id)
    late = {"fence": run.fence - 1, "result": WELL}
    assert progress.ended(play.session, step_id, "me", play.now, **late) is None, "it has another"


def _agreed(play, step_id):
    people = play.session.step(step_id).approval.required
    play.happens(f"{step_id} yes", progress.approved, step_id, "me", play.now, people=people)


def _withdrawn(play, step_id):
    step = play.session.step(step_id)
    said = StepApprovalWithdrawn.about(
        play.session.id,
        ticket_id=play.session.ticket_id,
        session_id=play.session.id,
        step_id=step_id,
        approval_id=play.session.approval_id(step),
        step_hash=step.digest(play.session.id),
        decisions=(),
    )
    play.happens(f"{step_id} back", withdrawn, said, "me", play.now, why="ann")


def _refused(play, step_id):
    refusal = play.chance.choice(list(Refusal))
    said = {"refusal": refusal, "reason": "no"}
    play.happens(f"{step_id} {refusal}", progress.refused, step_id, "me", play.now, **said)


def _answered(play, step_id):
    asks_fate = play.session.run(step_id).state is StepState.UNKNOWN
    fates = ["ran", "did_not_run", *(["again"] if play.rough else [])]
    value = play.chance.choice([*fates, None] if asks_fate else ["3", "3", None])
    if value is None:
        said = {"refusal": play.chance.choice(list(Refusal))}
    else:
        filled = Filled(name="fate" if asks_fate else "count", value=value)
        said = {"reply": Reply(values=(filled,), by="ann", at=NOW, channel="email")}
    word = about(play.session, step_id, **said)
    play.happens(f"{step_id} says {value}", progress.answered, word, "me", play.now)


def _looked(play):
    play.happens("look", progress.looked_again, "me", play.now)


def _paused(play):
    play.happens("pause", progress.paused, "me", play.now, why="ann")


def _resumed(play):
    play.happens("resume", progress.paused, "me", play.now, why="")


def _cancelled(play):
    rollback = play.chance.choice([True, False])
    ending = Ending(reason="ann", outcome=SessionOutcome.CANCELLED, rollback=rollback)
    play.happens(f"cancel, rollback {rollback}", progress.wound_down, "me", play.now, ending)


def _too_late(play):
    ending = Ending(reason="too long", outcome=SessionOutcome.FAILED)
    play.happens("too late", progress.wound_down, "me", play.now, ending)


def _source_spoke(play):
    gone = play.chance.random() < 0.6
    play.happens(f"source {gone}", progress.source_said, "me", play.now, resolved=gone)


def _adopted(play):
    owner = play.chance.choice(["me", "next"])
    play.happens(f"adopted by {owner}", progress.adopted, frozenset(), owner, play.now)


#: What may happen at any time, and how often.
ANY_TIME = {_looked: 0.5, _paused: 0.15, _cancelled: 0.1, _too_late: 0.03, _source_spoke: 0.05}


def _possible(play):
    """All that may happen now; what is there several times happens more often."""
    found = [] if play.rough else [(_looked,)]
    for step in play.session.steps:
        run = play.session.run(step.id)
        if run.state is StepState.RUNNING:
            found += 4 * [(_attempt_ends, step.id)] + [(_late_owner_ends, step.id)]
            found += [(_adopted,)] if play.likely(0.1) else []
        elif run.question_id is not None:
            found += 2 * [(_answered, step.id)]
        elif run.state is StepState.AWAITING_APPROVAL:
            found += [(_agreed, step.id), (_agreed, step.id), (_refused, step.id)]
            found += [(_withdrawn, step.id)] if play.likely(0.1) else []
        elif run.state is StepState.READY and run.agreed:
            found += 2 * [(_withdrawn, step.id)] if play.rough else []
    found += [(act,) for act, probability in ANY_TIME.items() if play.likely(probability)]
    found += [(_resumed,)] if play.session.paused else []
    return found or [(_looked,)]


def _something_happens(play):
    act, *about_what = play.chance.choice(_possible(play))
    act(play, *about_what)


def _stays_ended(play):
    """Whatever comes after the end changes nothing."""
    for act in (_looked, _paused, _cancelled, _too_late, _source_spoke, _adopted):
        before = play.session
        act(play)
        assert play.session == before, f"{play.acts[-1]} changed a session that has ended"


def _play(play):
    # Some hear of a plan before it is begun.
    for act in (_paused, _source_spoke, _cancelled):
        if play.chance.random() < 0.04:
            act(play)
            assert play.session.state is SessionState.PLANNED, "nobody has begun it"
    gone = play.chance.random() < 0.04
    play.happens("begin", progress.begin, "me", play.now, source_resolved=gone)
    for _ in range(PATIENCE):
        if play.session.state in SESSION_ENDED:
            break
        _something_happens(play)
    assert play.session.state in SESSION_ENDED, "it does not end"
    taken_back_in_order(play)
    _stays_ended(play)


def test_whatever_happens_a_session_ends_once_and_begins_only_what_may_begin():
    for seed in range(PLANS):
        play = Play(seed)
        try:
            _play(play)
        except Exception as error:
            error.add_note(f"seed {seed}, after: {'; '.join(play.acts[-40:])}")
            raise
