"""The decisions of a session's progress where every step is let in whose plan asks nobody."""

from services.executor import progress
from services.executor.admission.verdict import Ask, Go
from services.executor.advance import admit, settle
from services.executor.inquiry import digest
from shared.events import Filled, QuestionAnswered, Refusal, Reply
from tests.executor.sessions import NOW


def verdict(session, step_id):
    step = session.step(step_id)
    return Ask(step.approval) if step.approval.required > session.agreed(step) else Go()


def gone_on(move):
    """The move after all that was due was let in, as the engine has it before it is stored."""
    if move is None:
        return None
    while move.due:
        move = admit(move, {id_: verdict(move.session, id_) for id_ in move.due})
    return settle(move)


def _going(decision):
    def decide(*arguments, **named):
        return gone_on(decision(*arguments, **named))

    decide.__name__ = decision.__name__
    return decide


adopted = progress.adopted
answered = _going(progress.answered)
approved = _going(progress.approved)
begin = _going(progress.begin)
ended = _going(progress.ended)
looked_again = _going(progress.looked_again)
paused = _going(progress.paused)
refused = _going(progress.refused)
source_said = _going(progress.source_said)
wound_down = _going(progress.wound_down)


def reply(session, step_id, *, by="ann@example.com", **values):
    """What somebody answers to a step's question."""
    given = tuple(Filled(name=name, value=value) for name, value in values.items())
    return about(session, step_id, reply=Reply(values=given, by=by, at=NOW, channel="email"))


def unanswered(session, step_id):
    """The session after nobody answered a step's question in time."""
    said = about(session, step_id, refusal=Refusal.EXPIRED)
    return answered(session, said, "me", NOW, reason="nobody answered in time")


def about(session, step_id, **said):
    step = session.step(step_id)
    return QuestionAnswered.about(
        session.id,
        ticket_id=session.ticket_id,
        session_id=session.id,
        step_id=step_id,
        question_id=session.run(step_id).question_id,
        digest=digest(session, step),
        **said,
    )
