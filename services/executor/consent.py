"""Whether a decision on the bus is one that people made about exactly this step."""

from collections.abc import Mapping

from services.executor.admission.inadvance import covers
from services.executor.inquiry import asked_of, digest
from services.executor.session import Session
from shared.config.policy import people_in
from shared.events import (
    Answer,
    Decision,
    OnExpiry,
    QuestionAnswered,
    Refusal,
    Reply,
    Step,
    StepApprovalWithdrawn,
    StepApproved,
    StepChangeProposed,
    StepRejected,
)
from shared.lifecycle import ApprovalState, StepState
from shared.policy.quorum import Standing, quorum, words
from shared.policy.voters import EVERYBODY, OnCall, Voters, person_of
from shared.signing import ForgedDecisionError, Signer

Decided = StepApproved | StepApprovalWithdrawn | StepRejected


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
    found = _standing(session, step, said, signer, on_call)
    if found.state is not ApprovalState.APPROVED:
        why = "; ".join(found.objections)
        lacks = f", it lacks {found.wanted}" if found.among else ""
        against = "".join(f", {no.by} said no" for no in found.no)
        raise ForgedDecisionError(
            f"{step.id} needs a yes of {max(step.approval.required, 1)}, and {len(found.yes)} who "
            f"may give one signed it{lacks}{against}{f' ({why})' if why else ''}"
        )
    return len(found.yes)


def check_withdrawal(session: Session, said: StepApprovalWithdrawn, signer: Signer) -> str:
    """Who takes back a yes to this step as it will run, and why.

    Raises:
        ForgedDecisionError: nobody whose yes it has signed that; the yes stands.
    """
    step = _step_meant(session, said)
    _check_signatures(said.decisions, said, signer)
    *before, last = said.decisions or (None,)
    if last is None or last.answer is not Answer.WITHDRAW:
        raise ForgedDecisionError(f"nobody took a yes to {step.id} back")
    who = person_of(last.by, last.channel)
    yes = [each for each in words(filter(None, before)) if each.answer is Answer.APPROVE]
    if who not in {person_of(each.by, each.channel) for each in yes}:
        raise ForgedDecisionError(f"{last.by} has said no yes to {step.id} to take back")
    return f"{last.by} took the yes back" + (f": {last.reason}" if last.reason else "")


def check_refusal(
    session: Session, said: StepRejected, signer: Signer, on_call: OnCall = EVERYBODY
) -> str:
    """The reason of a refusal, if people signed it, or the notifier the expiry.

    One no of anybody is enough, but where the rule counts votes.

    Raises:
        ForgedDecisionError: nobody did, or too few.
    """
    step = _step_meant(session, said)
    if said.refusal is Refusal.EXPIRED:
        signer.check_expiry(said.signature, approval_id=said.approval_id, step_hash=said.step_hash)
        if step.approval.on_expiry is OnExpiry.ESCALATE:
            return "nobody answered in time, and then a person has to take over"
        return "nobody answered in time"
    found = _standing(session, step, said, signer, on_call)
    if found.state is not ApprovalState.REJECTED:
        who = "too few" if found.no else "nobody"
        raise ForgedDecisionError(f"{who} said no to {said.step_id}")
    return "; ".join(
        f"{no.told_by} said no" + (f": {no.reason}" if no.reason else "") for no in found.no
    )


def objection_to(session: Session, said: StepChangeProposed, on_call: OnCall = EVERYBODY) -> str:
    """Why a yes to a step of who wants other values for it would not count; empty if it would."""
    return _objection(session, session.step(said.step_id), said.proposal.as_yes, on_call)


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


def _step_meant(session: Session, said: Decided) -> Step:
    if not session.has_step(said.step_id):
        raise ForgedDecisionError(f"the plan has no step {said.step_id}")
    step = session.step(said.step_id)
    expected = (session.approval_id(step), step.digest(session.id))
    if (said.approval_id, said.step_hash) != expected:
        raise ForgedDecisionError(f"the decision is about another step than {step.id} as it is")
    return step


def _standing(
    session: Session,
    step: Step,
    said: StepApproved | StepRejected,
    signer: Signer,
    on_call: OnCall,
) -> Standing:
    """What signed answers come to by the rule that the step is under."""
    _check_signatures(said.decisions, said, signer)
    for each in said.decisions:
        if each.window is not None and not covers(each.window, session, step):
            raise ForgedDecisionError(f"what {each.by} allowed in advance is not {step.id}")
    # A session of before this was noted has waited no longer than it may.
    ends = (each.at for each in said.decisions)
    asked = (
        session.run(step.id).asked_at or min(ends, default=said.time) - step.approval.expires_after
    )
    return quorum(step.approval, requester=session.requester).standing(
        said.decisions, since=asked, on_call=on_call
    )


def _objection(session: Session, step: Step, yes: Decision, on_call: OnCall) -> str:
    rule = step.approval
    whose = quorum(rule, requester=session.requester).voters
    # A session of before this was noted has waited no longer than it may.
    asked = session.run(step.id).asked_at or yes.at - rule.expires_after
    return whose.against(yes, on_call=on_call, since=asked)


def _check_signatures(decisions: tuple[Decision, ...], said: Decided, signer: Signer) -> None:
    if len({each.signature for each in decisions}) < len(decisions):
        raise ForgedDecisionError(f"an answer to {said.step_id} is told twice")
    for place, decision in enumerate(decisions):
        signer.check(decision, approval_id=said.approval_id, step_hash=said.step_hash)
        if decision.place is None and decision.window is not None:
            raise ForgedDecisionError(f"what {decision.by} allowed has no place among the answers")
        if decision.place not in (None, place):
            raise ForgedDecisionError(
                f"the answer of {decision.by} was number {decision.place + 1}, and is told as "
                f"number {place + 1}: others are left out"
            )
