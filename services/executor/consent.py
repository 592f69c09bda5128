"""Whether a decision on the bus is one that people made about exactly this step."""

from collections.abc import Mapping

from services.executor.inquiry import asked_of, digest
from services.executor.session import Session
from shared.config.policy import people_in
from shared.events import (
    Answer,
    Decision,
    QuestionAnswered,
    Refusal,
    Reply,
    Step,
    StepApproved,
    StepRejected,
)
from shared.lifecycle import StepState
from shared.policy.voters import EVERYBODY, OnCall, Voters, voters
from shared.signing import ForgedDecisionError, Signer


def check_approval(
    session: Session, said: StepApproved, signer: Signer, on_call: OnCall = EVERYBODY
) -> int:
    """How many different people signed a yes to this step as it will run: enough of them.

    Whose yes counts is judged here once more, by the plan, by who asked for the ticket, and by who
    was on call: what recorded the decisions is not believed.

    Raises:
        ForgedDecisionError: they did not; the step goes on waiting.
    """
    step = _step_meant(session, said)
    _check_signatures(said.decisions, said, signer)
    yes = [decision for decision in said.decisions if decision.answer is Answer.APPROVE]
    against = {each.by.casefold(): _objection(session, step, each, on_call) for each in yes}
    people = [by for by, objection in against.items() if not objection]
    if len(people) < step.approval.required:
        why = "; ".join(filter(None, against.values()))
        raise ForgedDecisionError(
            f"{step.id} needs a yes of {step.approval.required}, and {len(people)} who may give "
            f"one signed it{f' ({why})' if why else ''}"
        )
    return len(people)


def check_refusal(session: Session, said: StepRejected, signer: Signer) -> str:
    """The reason of a refusal, if a person signed it, or the notifier the expiry.

    Raises:
        ForgedDecisionError: nobody did.
    """
    _step_meant(session, said)
    if said.refusal is Refusal.EXPIRED:
        signer.check_expiry(said.signature, approval_id=said.approval_id, step_hash=said.step_hash)
        return "nobody answered in time"
    _check_signatures(said.decisions, said, signer)
    no = next((d for d in said.decisions if d.answer is Answer.REJECT), None)
    if no is None:
        raise ForgedDecisionError(f"nobody said no to {said.step_id}")
    return f"{no.by} said no" + (f": {no.reason}" if no.reason else "")


def check_answer(
    session: Session,
    said: QuestionAnswered,
    signer: Signer,
    on_call: OnCall = EVERYBODY,
    teams: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """Why nobody answered; empty where somebody did who may, and signed it.

    ``teams`` are the members of those that a question may be for. Anybody may say that there is no
    answer.

    Raises:
        ForgedDecisionError: nobody of those whom it is for signed it as an answer to what this step
            asks; it goes on waiting.
    """
    if not session.has_step(said.step_id):
        raise ForgedDecisionError(f"the plan has no step {said.step_id}")
    step = session.step(said.step_id)
    expected = (session.question_id(step), digest(session, step))
    if (said.question_id, said.digest) != expected:
        raise ForgedDecisionError(f"the answer is about another question than that of {step.id}")
    if said.reply is not None:
        signer.check_reply(said.reply, question_id=said.question_id, digest=said.digest)
        reason = _refused(said.reply, said.refusal)
        if not reason and (
            objection := _not_asked(session, step, said.reply, on_call, teams or {})
        ):
            raise ForgedDecisionError(f"{said.reply.by} may not answer {step.id}: {objection}")
        return reason
    signer.check_expiry(said.signature, approval_id=said.question_id, step_hash=said.digest)
    return "nobody answered in time"


def _not_asked(
    session: Session,
    step: Step,
    reply: Reply,
    on_call: OnCall,
    teams: Mapping[str, tuple[str, ...]],
) -> str:
    whose = Voters(people_in(asked_of(step), teams))
    run = session.run(step.id)
    # What became of a command is asked when its end was not seen, and a form when it was its turn.
    since = run.ended_at if run.state is StepState.UNKNOWN else run.asked_at
    return whose.objection(
        reply.by, reply.channel, on_call=on_call, since=since or reply.at, until=reply.at
    )


def _refused(reply: Reply, refusal: Refusal | None) -> str:
    # What is not signed must not make an answer of a refusal, nor the other way round.
    if refusal is not (Refusal.REJECTED if reply.refused else None):
        raise ForgedDecisionError(f"what {reply.by} signed is not what is told of it")
    if not reply.refused:
        return ""
    return f"{reply.by} would not answer" + (f": {reply.reason}" if reply.reason else "")


def _step_meant(session: Session, said: StepApproved | StepRejected) -> Step:
    if not session.has_step(said.step_id):
        raise ForgedDecisionError(f"the plan has no step {said.step_id}")
    step = session.step(said.step_id)
    expected = (session.approval_id(step), step.digest(session.id))
    if (said.approval_id, said.step_hash) != expected:
        raise ForgedDecisionError(f"the decision is about another step than {step.id} as it is")
    return step


def _objection(session: Session, step: Step, yes: Decision, on_call: OnCall) -> str:
    rule = step.approval
    whose = voters(rule.who, requester=session.requester, not_requester=rule.not_requester)
    # A session of before this was noted has waited no longer than it may.
    asked = session.run(step.id).asked_at or yes.at - rule.expires_after
    return whose.objection(yes.by, yes.channel, on_call=on_call, since=asked, until=yes.at)


def _check_signatures(
    decisions: tuple[Decision, ...], said: StepApproved | StepRejected, signer: Signer
) -> None:
    for decision in decisions:
        signer.check(decision, approval_id=said.approval_id, step_hash=said.step_hash)
