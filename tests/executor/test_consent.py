"""Only signed decisions about exactly this step are believed."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.executor.consent import check_approval, check_refusal
from services.executor.session import Run
from shared.events import (
    Alert,
    Answer,
    Decision,
    OnExpiry,
    OnNo,
    Refusal,
    Seat,
    StepApproved,
    StepRejected,
)
from shared.lifecycle import StepState
from shared.signing import ForgedDecisionError, Signer
from tests.executor.sessions import NOW, session, step

SIGNER = Signer(SecretStr("k" * 32))
STEP = step("a", asks=2)
SESSION = session(STEP, step("b", asks=1))
APPROVAL = SESSION.approval_id(STEP)
HASH = STEP.digest(SESSION.id)


def decision(by="ada@example.com", answer=Answer.APPROVE, signer=SIGNER, channel="email", **about):
    said = Decision(answer=answer, by=by, at=NOW, channel=channel, reason="go")
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


@pytest.mark.parametrize(
    ("on_expiry", "reason"),
    [
        ("reject", "nobody answered in time"),
        ("escalate", "nobody answered in time, and then a person has to take over"),
    ],
)
def test_a_signed_expiry_is_believed_and_says_what_the_rule_wants_then(on_expiry, reason):
    rule = STEP.approval.model_copy(update={"on_expiry": OnExpiry(on_expiry)})
    asked = session(STEP.model_copy(update={"approval": rule}))
    signature = SIGNER.expiry(approval_id=APPROVAL, step_hash=HASH)
    event = said(StepRejected, refusal=Refusal.EXPIRED, signature=signature)
    assert check_refusal(asked, event, SIGNER) == reason


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


ADA, BOB, TERMINAL = ("ada@example.com", "email"), ("bob@example.com", "email"), ("ada", "terminal")


def requested(by, *, barred=True):
    """The session of a ticket that somebody asked for, whose first step needs one yes."""
    rule = STEP.approval.model_copy(update={"required": 1, "not_requester": barred})
    alert = Alert(
        source="people",
        name="Slow",
        status="firing",
        fingerprint="ab",
        title="It is slow",
        requested_by=by,
    )
    return session(STEP.model_copy(update={"approval": rule}), alert=alert)


@pytest.mark.parametrize(
    ("requester", "barred", "by", "counts"),
    [
        ("ada@example.com", True, BOB, True),
        ("ada@example.com", True, ADA, False),
        ("Ada@Example.com", True, ADA, False),
        ("ada@example.com", True, TERMINAL, False),
        ("ada@example.com", False, ADA, True),
        ("ada@example.com", False, TERMINAL, True),
        ("", True, ADA, True),
        ("", True, TERMINAL, True),
    ],
)
def test_the_yes_of_whoever_asked_for_the_ticket_does_not_count(requester, barred, by, counts):
    name, channel = by
    yes = decision(name, channel=channel)
    asked = requested(requester, barred=barred)
    if counts:
        check_approval(asked, said(decisions=(yes,)), SIGNER)
    else:
        with pytest.raises(ForgedDecisionError, match=r"(?i)ada@example.com asked for this ticket"):
            check_approval(asked, said(decisions=(yes,)), SIGNER)


@dataclass
class Kept:
    """A schedule of one person, as the executor asks it."""

    asked: list = field(default_factory=list)

    def between(self, term, since, until):
        self.asked.append((term, since, until))
        return frozenset({"bob@example.com"})


@pytest.mark.parametrize(("by", "counts"), [(BOB, True), (ADA, False)])
def test_the_executor_asks_the_schedule_itself_who_was_on_call(by, counts):
    rule = STEP.approval.model_copy(update={"required": 1, "who": ("on-call:db",)})
    waits = Run(state=StepState.AWAITING_APPROVAL, asked_at=NOW - timedelta(minutes=5))
    asked = session(STEP.model_copy(update={"approval": rule}), runs={"a": waits})
    schedule = Kept()
    event = said(decisions=(decision(by[0]),))
    if counts:
        check_approval(asked, event, SIGNER, schedule)
    else:
        with pytest.raises(
            ForgedDecisionError, match="answer of others is wanted here: on-call:db"
        ):
            check_approval(asked, event, SIGNER, schedule)
    assert schedule.asked == [("on-call:db", NOW - timedelta(minutes=5), NOW)]


DBA = Seat(name="dba", people=("ada@example.com", "bob@example.com"))
WEB = Seat(name="web", people=("bob@example.com", "cy@example.com"))


def ruled(*letters, **rule):
    """A session under a rule, and decisions in short: ``ada+ bob-``."""
    given = {"who": (), **rule}
    asked = session(step("a", approval=STEP.approval.model_copy(update=given)))
    about = {"approval_id": asked.approval_id(asked.step("a")), "step_hash": HASH}
    answers = {"+": Answer.APPROVE, "-": Answer.REJECT, "~": Answer.WITHDRAW}
    decisions = tuple(
        SIGNER.signed(
            Decision(
                answer=answers[word[-1]],
                by=f"{word[:-1]}@example.com",
                at=NOW,
                channel="email",
                place=place,
            ),
            **about,
        )
        for place, word in enumerate(letters)
    )
    return asked, decisions


@pytest.mark.parametrize(
    ("letters", "people", "lacks"),
    [
        ("ada+ cy+", 2, ""),
        ("bob+ cy+", 2, ""),
        ("bob+ ada+ eve+", 3, ""),
        ("ada+ eve+", 0, "1 more yes, of web"),
        ("bob+", 0, "1 more yes, of dba or web"),
        ("ada+ cy+ ada~", 0, "1 more yes, of dba"),
    ],
)
def test_each_team_of_the_rule_has_to_be_among_those_who_signed(letters, people, lacks):
    asked, decisions = ruled(*letters.split(), seats=(DBA, WEB))
    event = said(decisions=decisions)
    if lacks:
        with pytest.raises(ForgedDecisionError, match=f"it lacks {lacks}"):
            check_approval(asked, event, SIGNER)
    else:
        assert check_approval(asked, event, SIGNER) == people


@pytest.mark.parametrize(
    ("letters", "kind"),
    [
        ("ada+ bob- cy+", StepApproved),
        ("ada+ bob- cy-", StepRejected),
        ("bob- bob~ ada+ cy+", StepApproved),
        ("ada+ bob-", None),
        ("bob-", None),
    ],
)
def test_where_a_no_is_a_vote_the_executor_counts_them_all(letters, kind):
    asked, decisions = ruled(*letters.split(), on_no=OnNo.MAJORITY)
    if kind is StepApproved:
        assert check_approval(asked, said(decisions=decisions), SIGNER) == 2
    else:
        with pytest.raises(ForgedDecisionError):
            check_approval(asked, said(decisions=decisions), SIGNER)
    no = said(StepRejected, refusal=Refusal.REJECTED, decisions=decisions)
    if kind is StepRejected:
        assert check_refusal(asked, no, SIGNER) == "bob@example.com said no; cy@example.com said no"
    else:
        with pytest.raises(ForgedDecisionError):
            check_refusal(asked, no, SIGNER)


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_no_vote_can_be_left_out_before_others(left_out):
    asked, decisions = ruled("bob-", "ada+", "eve-", "cy+", on_no=OnNo.MAJORITY)
    kept = decisions[:left_out] + decisions[left_out + 1 :]
    with pytest.raises(ForgedDecisionError, match="others are left out"):
        check_approval(asked, said(decisions=kept), SIGNER)
