"""Signatures over decisions: nobody but the notifier makes them, for one step each."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from shared.events import Answer, Decision
from shared.signing import ForgedDecisionError, Signer

APPROVAL, STEP = UUID(int=1), "9f" * 32
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SIGNER = Signer(SecretStr("k" * 32))
DECISION = Decision(
    answer=Answer.APPROVE, by="ann@example.com", at=NOW, channel="email", reason="go"
)
SIGNED = SIGNER.signed(DECISION, approval_id=APPROVAL, step_hash=STEP)


def check(decision, *, signer=SIGNER, approval_id=APPROVAL, step_hash=STEP):
    signer.check(decision, approval_id=approval_id, step_hash=step_hash)


def test_a_signed_decision_is_believed():
    check(SIGNED)
    assert SIGNED.model_copy(update={"signature": ""}) == DECISION


@pytest.mark.parametrize(
    "change",
    [
        {"answer": Answer.REJECT},
        {"by": "bob@example.com"},
        {"at": NOW + timedelta(seconds=1)},
        {"channel": "slack"},
        {"reason": ""},
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": SIGNED.signature.upper()},
        {"signature": SIGNED.signature[:-1]},
        {"signature": "é" * 64},
        {"signature": "\ud800"},
    ],
    ids=str,
)
def test_an_altered_decision_is_not_believed(change):
    with pytest.raises(ForgedDecisionError):
        check(SIGNED.model_copy(update=change))


def test_a_decision_is_not_believed_for_another_step_or_approval_or_installation():
    with pytest.raises(ForgedDecisionError):
        check(SIGNED, step_hash="8f" * 32)
    with pytest.raises(ForgedDecisionError):
        check(SIGNED, approval_id=uuid4())
    with pytest.raises(ForgedDecisionError):
        check(SIGNED, signer=Signer(SecretStr("j" * 32)))


def test_a_decision_that_nobody_signed_is_not_believed():
    with pytest.raises(ForgedDecisionError, match=r"ann@example\.com"):
        check(DECISION)


@pytest.mark.parametrize(
    "at",
    [
        NOW.replace(microsecond=678000),
        NOW.astimezone(timezone(timedelta(hours=5, minutes=30))),
    ],
    ids=["as MongoDB keeps it", "in another zone"],
)
def test_a_decision_is_believed_after_its_time_was_stored(at):
    check(SIGNED.model_copy(update={"at": at}))


def test_a_decision_is_believed_after_the_bus():
    check(Decision.model_validate_json(SIGNED.model_dump_json()))


def test_an_expiry_is_believed_for_its_own_step_only():
    signature = SIGNER.expiry(approval_id=APPROVAL, step_hash=STEP)
    SIGNER.check_expiry(signature, approval_id=APPROVAL, step_hash=STEP)
    for wrong in (
        {"signature": "", "approval_id": APPROVAL, "step_hash": STEP},
        {"signature": "ü", "approval_id": APPROVAL, "step_hash": STEP},
        {"signature": signature, "approval_id": uuid4(), "step_hash": STEP},
        {"signature": signature, "approval_id": APPROVAL, "step_hash": "other"},
    ):
        with pytest.raises(ForgedDecisionError):
            SIGNER.check_expiry(**wrong)


def test_a_decisions_signature_is_no_expiry_and_no_link_key():
    with pytest.raises(ForgedDecisionError):
        SIGNER.check_expiry(SIGNED.signature, approval_id=APPROVAL, step_hash=STEP)
    assert SIGNER.link_key() != Signer(SecretStr("j" * 32)).link_key()
    assert b"k" * 32 not in SIGNER.link_key()
