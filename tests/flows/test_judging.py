"""Whatever people answer, who records it and who acts on it judge it alike."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from services.executor.consent import check_approval, check_refusal
from services.notifier.approval import Approval, decide
from services.notifier.question import Recorded
from shared.events import (
    Alert,
    Answer,
    ApprovalRule,
    Decision,
    OnNo,
    Refusal,
    Seat,
    StepApproved,
    StepAwaitingApproval,
    StepRejected,
)
from shared.lifecycle import ApprovalState
from shared.signing import ForgedDecisionError, Signer
from tests.executor.going import begin
from tests.executor.sessions import NOW, session, step

SIGNER = Signer(SecretStr("k" * 32))
PEOPLE = tuple(f"{letter}@example.org" for letter in "abcd")
SOMEBODY = st.sampled_from([*((one, "email") for one in PEOPLE), ("root", "terminal")])
WHO = st.sampled_from([(), PEOPLE[:2], PEOPLE[:3], PEOPLE, (*PEOPLE[:1], "on-call:db")])
DBA = Seat(name="dba", people=PEOPLE[:2])
SECURITY = Seat(name="security", people=PEOPLE[1:3])
ON_CALL = Seat(name="on-call:db", people=("on-call:db",))

rules = st.builds(
    lambda required, who, seats, on_no: ApprovalRule(
        required=required, reason="the test says so", who=who, seats=tuple(seats), on_no=on_no
    ),
    st.integers(1, 3),
    WHO,
    st.lists(st.sampled_from([DBA, SECURITY, ON_CALL]), max_size=2, unique=True),
    st.sampled_from(OnNo),
)
answers = st.lists(st.tuples(SOMEBODY, st.sampled_from(Answer)), max_size=8)


class Schedule:
    """The last of the people is on call."""

    def between(self, term, since, until):
        return frozenset(PEOPLE[-1:])


def asked(rule, requester):
    """A session whose step waits for a yes by this rule, and the request that the notifier has."""
    alert = Alert(
        source="people",
        name="Slow",
        status="firing",
        fingerprint="ab",
        title="It is slow",
        requested_by=requester,
    )
    waiting = begin(
        session(step("a", approval=rule), alert=alert), "me", NOW, source_resolved=False
    )
    (event,) = (event for event in waiting.events if isinstance(event, StepAwaitingApproval))
    return waiting.session, Approval.asked(event, (), now=NOW, trace="")


def answered(approval, by, answer, at):
    """The request after an answer, signed as the desk does; as it was where that does not count."""
    name, channel = by
    said = Decision(answer=answer, by=name, at=at, channel=channel, place=len(approval.decisions))
    signed = SIGNER.signed(said, approval_id=approval.id, step_hash=approval.step_hash)
    outcome = decide(approval, signed, now=at, on_call=Schedule())
    return outcome.question if isinstance(outcome, Recorded) else approval


def believed(waiting, event):
    """Whether the executor takes what it is told for what people signed."""
    check = check_approval if isinstance(event, StepApproved) else check_refusal
    try:
        check(waiting, event, SIGNER, Schedule())
    except ForgedDecisionError:
        return False
    return True


def told(approval, kind, **more):
    return kind.about(
        approval.id,
        ticket_id=approval.ticket_id,
        session_id=approval.session_id,
        step_id=approval.step_id,
        approval_id=approval.id,
        step_hash=approval.step_hash,
        decisions=approval.decisions,
        **more,
    )


@settings(max_examples=300, deadline=None)
@given(rules, st.sampled_from(["", PEOPLE[0]]), answers)
def test_the_executor_believes_what_the_notifier_settles_and_nothing_before(
    rule, requester, given_
):
    waiting, approval = asked(rule, requester)
    for number, (by, answer) in enumerate(given_):
        if approval.state is not ApprovalState.PENDING:
            break
        approval = answered(approval, by, answer, NOW + timedelta(seconds=number))
        yes = told(approval, StepApproved)
        no = told(approval, StepRejected, refusal=Refusal.REJECTED)
        assert believed(waiting, yes) is (approval.state is ApprovalState.APPROVED)
        assert believed(waiting, no) is (approval.state is ApprovalState.REJECTED)
        if approval.state is not ApprovalState.PENDING:
            assert approval.outcome().decisions == approval.decisions
            assert not approval.wanted
        else:
            assert approval.wanted
