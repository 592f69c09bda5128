"""Whether a decision on the bus is one that people made about exactly this step."""

from services.executor.session import Session
from shared.events import Answer, Decision, Refusal, Step, StepApproved, StepRejected
from shared.policy.terms import may_approve
from shared.signing import ForgedDecisionError, Signer


def check_approval(session: Session, said: StepApproved, signer: Signer) -> None:
    """Raise unless enough different people signed a yes to this step as it will run.

    Raises:
        ForgedDecisionError: they did not; the step goes on waiting.
    """
    step = _step_meant(session, said)
    _check_signatures(said.decisions, said, signer)
    people = {
        decision.by.casefold()
        for decision in said.decisions
        if decision.answer is Answer.APPROVE and may_approve(step.approval.who, decision.by)
    }
    if len(people) < step.approval.required:
        raise ForgedDecisionError(
            f"{step.id} needs a yes of {step.approval.required}, and {len(people)} who may give "
            "one signed it"
        )


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


def _step_meant(session: Session, said: StepApproved | StepRejected) -> Step:
    if not session.has_step(said.step_id):
        raise ForgedDecisionError(f"the plan has no step {said.step_id}")
    step = session.step(said.step_id)
    expected = (session.approval_id(step), step.digest(session.id))
    if (said.approval_id, said.step_hash) != expected:
        raise ForgedDecisionError(f"the decision is about another step than {step.id} as it is")
    return step


def _check_signatures(
    decisions: tuple[Decision, ...], said: StepApproved | StepRejected, signer: Signer
) -> None:
    for decision in decisions:
        signer.check(decision, approval_id=said.approval_id, step_hash=said.step_hash)
