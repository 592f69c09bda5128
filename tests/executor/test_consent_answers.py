"""Only signed answers to exactly what was asked are believed, and as what they were signed."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.executor.consent import check_answer
from services.executor.inquiry import digest
from shared.events import Filled, QuestionAnswered, Refusal, Reply
from shared.signing import ForgedDecisionError, Signer
from tests.executor.going import reply
from tests.executor.sessions import NOW
from tests.executor.test_inquiry import asked, lost

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


FORM = asked().session


def filled_in(by, session=FORM, **fields):
    answer = reply(session, "a", by=by, count="3")
    about = {"question_id": answer.question_id, "digest": answer.digest}
    signed = SIGNER.signed_reply(answer.reply.model_copy(update=fields), **about)
    return answer.model_copy(update={"reply": signed})


def test_a_form_is_filled_in_by_those_whom_it_is_for():
    assert check_answer(FORM, filled_in("Ann@example.com"), SIGNER) == ""


def test_a_signed_answer_of_somebody_else_is_not_believed():
    with pytest.raises(ForgedDecisionError, match=r"eve@example\.com may not answer a"):
        check_answer(FORM, filled_in("eve@example.com"), SIGNER)


def test_anybody_may_say_that_nobody_can_answer():
    event = filled_in("eve@example.com", refused=True, values=(), reason="gone")
    event = event.model_copy(update={"refusal": Refusal.REJECTED})
    assert check_answer(FORM, event, SIGNER) == "eve@example.com would not answer: gone"


def for_whom(who):
    form = FORM.step("a")
    text = form.run.replace("ann@example.com", who)
    return FORM.model_copy(update={"steps": (form.model_copy(update={"run": text}),)})


@pytest.mark.parametrize(("by", "may"), [("bob@example.com", True), ("ann@example.com", False)])
def test_a_form_for_a_team_is_for_its_members(by, may):
    session, teams = for_whom("shop"), {"shop": ("Bob@example.com",)}
    answer = filled_in(by, session)
    with nullcontext() if may else pytest.raises(ForgedDecisionError):
        assert check_answer(session, answer, SIGNER, teams=teams) == ""


class Shifts:
    """Ann until a minute after she was asked, then Bob."""

    def between(self, term, since, until):
        handoff = NOW + timedelta(minutes=1)
        return frozenset(
            by
            for by, on in (
                ("ann@example.com", since < handoff),
                ("bob@example.com", until >= handoff),
            )
            if on
        )


@pytest.mark.parametrize(
    ("by", "after", "may"),
    [
        ("ann@example.com", timedelta(minutes=2), True),
        ("bob@example.com", timedelta(minutes=2), True),
        ("bob@example.com", timedelta(0), False),
    ],
)
def test_who_was_on_call_since_it_was_asked_may_answer(by, after, may):
    session = for_whom("on-call")
    answer = filled_in(by, session, at=NOW + after)
    with nullcontext() if may else pytest.raises(ForgedDecisionError):
        assert check_answer(session, answer, SIGNER, Shifts()) == ""


def test_what_became_of_a_command_is_told_by_those_whose_yes_it_would_need():
    rule = SESSION.step("a").approval.model_copy(update={"who": ("bob@example.com",)})
    session = lost(SESSION.step("a").model_copy(update={"approval": rule})).session
    answer = reply(session, "a", fate="ran").reply
    about = {
        "question_id": session.run("a").question_id,
        "digest": digest(session, session.step("a")),
    }
    event = told(SIGNER.signed_reply(answer, **about), **about)
    with pytest.raises(ForgedDecisionError, match=r"bob@example\.com"):
        check_answer(session, event, SIGNER)
