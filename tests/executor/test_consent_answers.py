"""Only signed answers to exactly what was asked are believed, and as what they were signed."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.executor.consent import check_answer
from shared.events import Filled, QuestionAnswered, Refusal, Reply
from shared.signing import ForgedDecisionError, Signer
from tests.executor.going import reply
from tests.executor.sessions import NOW
from tests.executor.test_inquiry import lost

SIGNER = Signer(SecretStr("k" * 32))
SESSION = lost().session
ASKED = reply(SESSION, "a", fate="ran")
ABOUT = {"question_id": ASKED.question_id, "digest": ASKED.digest}
RAN = (Filled(name="fate", value="ran"),)


def said(**fields) -> Reply:
    given = {"by": "ann@example.com", "at": NOW, "channel": "email", **fields}
    return SIGNER.signed_reply(Reply(**given), **ABOUT)


def told(of, **fields) -> QuestionAnswered:
    return ASKED.model_copy(update={"reply": of, **fields})


REFUSED = said(refused=True, reason="I was not there")


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (told(said(values=RAN)), ""),
        (
            told(REFUSED, refusal=Refusal.REJECTED),
            "ann@example.com would not answer: I was not there",
        ),
        (
            told(
                None,
                refusal=Refusal.EXPIRED,
                signature=SIGNER.expiry(approval_id=ASKED.question_id, step_hash=ASKED.digest),
            ),
            "nobody answered in time",
        ),
    ],
)
def test_what_was_signed_is_believed(event, why):
    assert check_answer(SESSION, event, SIGNER) == why


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(told(said(values=RAN).model_copy(update={"signature": ""})), id="unsigned"),
        pytest.param(
            told(said(values=RAN).model_copy(update={"at": NOW + timedelta(1)})), id="altered"
        ),
        pytest.param(told(REFUSED), id="a refusal as an answer"),
        pytest.param(told(said(values=RAN), refusal=Refusal.REJECTED), id="an answer as a no"),
        pytest.param(told(said(values=RAN), refusal=Refusal.EXPIRED), id="an answer as expired"),
        pytest.param(told(None, refusal=Refusal.EXPIRED), id="an expiry without a signature"),
        pytest.param(told(said(values=RAN), step_id="b"), id="a step that is not there"),
        pytest.param(told(said(values=RAN), digest="ab" * 32), id="another question"),
    ],
)
def test_what_nobody_signed_so_is_not_believed(forged):
    with pytest.raises(ForgedDecisionError):
        check_answer(SESSION, forged, SIGNER)
