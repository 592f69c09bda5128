"""Only signed decisions about exactly this step are believed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.executor.consent import check_approval, check_refusal
from shared.events import Answer, Decision, Refusal, StepApproved, StepRejected
from shared.signing import ForgedDecisionError, Signer
from tests.executor.sessions import NOW, session, step

SIGNER = Signer(SecretStr("k" * 32))
STEP = step("a", asks=2)
SESSION = session(STEP, step("b", asks=1))
APPROVAL = SESSION.approval_id(STEP)
HASH = STEP.digest(SESSION.id)


def decision(by="ada@example.com", answer=Answer.APPROVE, signer=SIGNER, **about):
    said = Decision(answer=answer, by=by, at=NOW, channel="email", reason="go")
    return signer.signed(said, **{"approval_id": APPROVAL, "step_hash": HASH, **about})


def said(kind=StepApproved, **fields):
    given = {"step_id": "a", "approval_id": APPROVAL, "step_hash": HASH}
    return kind.about(
        SESSION.id, ticket_id=SESSION.ticket_id, session_id=SESSION.id, **{**given, **fields}
    )


TWO = (decision("ada@example.com"), decision("bob@example.com"))


def test_enough_signed_yeses_are_believed():
    check_approval(SESSION, said(decisions=TWO), SIGNER)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(said(decisions=()), id="nobody"),
        pytest.param(said(decisions=TWO[:1]), id="too few"),
        pytest.param(
            said(decisions=(decision("ada@example.com"), decision("ADA@example.com"))),
            id="one person twice",
        ),
        pytest.param(
            said(decisions=(TWO[0], TWO[1].model_copy(update={"signature": ""}))), id="unsigned"
        ),
        pytest.param(
            said(decisions=(TWO[0], TWO[1].model_copy(update={"by": "eve@example.com"}))),
            id="altered",
        ),
        pytest.param(
            said(decisions=(TWO[0], TWO[1].model_copy(update={"at": NOW + timedelta(1)}))),
            id="moved in time",
        ),
        pytest.param(
            said(decisions=(TWO[0], decision("bob", signer=Signer(SecretStr("x" * 32))))),
            id="another key",
        ),
        pytest.param(
            said(decisions=(TWO[0], decision("bob", approval_id=uuid4()))), id="another approval"
        ),
        pytest.param(
            said(decisions=(TWO[0], decision("bob", step_hash="0" * 64))), id="another command"
        ),
        pytest.param(said(decisions=TWO, step_hash="0" * 64), id="another hash"),
        pytest.param(said(decisions=TWO, step_id="b"), id="another step"),
        pytest.param(said(decisions=TWO, step_id="nobody"), id="no such step"),
        pytest.param(
            said(decisions=(TWO[0], decision("bob", answer=Answer.REJECT))), id="a no among them"
        ),
    ],
)
def test_anything_less_is_refused(forged):
    with pytest.raises(ForgedDecisionError):
        check_approval(SESSION, forged, SIGNER)


def test_a_decision_does_not_fit_a_step_that_was_changed_since():
    changed = SESSION.model_copy(update={"steps": (STEP.model_copy(update={"run": "rm -rf /"}),)})
    with pytest.raises(ForgedDecisionError):
        check_approval(changed, said(decisions=TWO), SIGNER)


def test_a_signed_no_is_believed_with_its_reason():
    no = decision("ada@example.com", answer=Answer.REJECT)
    reason = check_refusal(
        SESSION, said(StepRejected, refusal=Refusal.REJECTED, decisions=(no,)), SIGNER
    )
    assert reason == "ada@example.com said no: go"


def test_a_signed_expiry_is_believed():
    signature = SIGNER.expiry(approval_id=APPROVAL, step_hash=HASH)
    event = said(StepRejected, refusal=Refusal.EXPIRED, signature=signature)
    assert "in time" in check_refusal(SESSION, event, SIGNER)


@pytest.mark.parametrize(
    "forged",
    [
        said(StepRejected, refusal=Refusal.EXPIRED, signature="0" * 64),
        said(StepRejected, refusal=Refusal.REJECTED),
        said(StepRejected, refusal=Refusal.REJECTED, decisions=TWO),
    ],
    ids=["unsigned expiry", "a no of nobody", "a no that is a yes"],
)
def test_a_forged_no_is_refused_too(forged):
    with pytest.raises(ForgedDecisionError):
        check_refusal(SESSION, forged, SIGNER)


def test_only_the_yeses_of_those_count_whom_the_policy_names():
    named = STEP.approval.model_copy(update={"who": ("ada@example.com", "cy@example.com")})
    asked = session(STEP.model_copy(update={"approval": named}))
    with pytest.raises(ForgedDecisionError, match="and 1 who may give one signed it"):
        check_approval(asked, said(decisions=TWO), SIGNER)
    check_approval(asked, said(decisions=(*TWO, decision("Cy@example.com"))), SIGNER)
