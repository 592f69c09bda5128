"""What may be asked of a session, and what is said to whoever asks for what makes no sense."""

import re
from types import SimpleNamespace
from uuid import uuid4

import pytest

from deploy.directing import Wish, asked_for, changes
from deploy.person import person
from deploy.running import Ended, check, made_up, request
from deploy.speaking import NotDoneError
from deploy.store import NotFoundError
from deploy.views import SessionView, Ticket
from services.executor.session import Ending, Run, Session
from shared.events import CommandCheck, Directive, SessionOutcome
from shared.lifecycle import SessionState, StepState, TicketState
from shared.signing import ForgedDecisionError
from tests.deploy.records import TICKET, session, ticket
from tests.planner.tickets import SIGNER

PAUSE, RESUME, CANCEL, RETRY = Directive


def made(state=SessionState.WAITING, **changes) -> Session:
    stored = session()
    whole = Session.model_validate({**stored, "id": stored["_id"]})
    return whole.model_copy(update={"state": state, **changes})


def voice(*sessions, state="escalated"):
    """What a command sees: the first session is the one that is asked for."""

    class Reader:
        async def session(self, prefix):
            found = [one for one in sessions if str(one.id).startswith(prefix)]
            if not found:
                raise NotFoundError(f"there is no session {prefix}")
            return SessionView(session=found[0], output=())

        async def ticket(self, prefix):
            return Ticket.of(ticket(TICKET, state=state))

        async def sessions_of(self, ticket_id):
            return list(sessions)

    return SimpleNamespace(reader=Reader(), signer=SIGNER)


ENDING = Ending(reason="ended by ann", outcome=SessionOutcome.CANCELLED)


@pytest.mark.parametrize(
    ("session", "directive"),
    [
        (made(), PAUSE),
        (made(paused="ann"), RESUME),
        (made(), CANCEL),
        (made(paused="ann"), CANCEL),
        (made(SessionState.FAILED), RETRY),
        (made(SessionState.CANCELLED), RETRY),
    ],
)
async def test_what_makes_sense_is_signed_in_the_name_of_whoever_asks(session, directive):
    _, said = await asked_for(voice(session), "bbbb", Wish(directive, "because"))
    SIGNER.check_directive(said)
    assert (said.by, said.reason, said.session_id) == (person(), "because", session.id)
    with pytest.raises(ForgedDecisionError):
        SIGNER.check_directive(said.model_copy(update={"by": "eve"}))


@pytest.mark.parametrize(
    ("session", "directive", "told"),
    [
        (made(paused="ann: lunch"), PAUSE, "is paused already, by ann: lunch"),
        (made(), RESUME, "is not paused, it is waiting"),
        (made(SessionState.FAILED), PAUSE, "`handrail session retry` tries it again"),
        (made(SessionState.SUCCEEDED), CANCEL, "has ended, it succeeded"),
        (made(ending=ENDING), CANCEL, "is being ended: ended by ann"),
        (made(), RETRY, "is waiting: nothing to try again"),
        (made(SessionState.SUCCEEDED), RETRY, "is succeeded: nothing to try again"),
    ],
)
async def test_what_makes_no_sense_is_told_with_what_would(session, directive, told):
    with pytest.raises(NotDoneError, match=re.escape(told)):
        await asked_for(voice(session), "bbbb", Wish(directive))


async def test_a_retry_is_not_begun_beside_another_session_nor_for_a_ticket_that_ended():
    failed, other = made(SessionState.FAILED), made(id=uuid4())
    with pytest.raises(NotDoneError, match=f"session {other.id} is under way"):
        await asked_for(voice(failed, other), "bbbb", Wish(RETRY))
    again = made(SessionState.FAILED, id=uuid4(), retry_of=failed.id)
    with pytest.raises(NotDoneError, match=f"tried again already, as session {again.id}"):
        await asked_for(voice(failed, again), "bbbb", Wish(RETRY))
    with pytest.raises(NotDoneError, match="its ticket is resolved"):
        await asked_for(voice(failed, state="resolved"), "bbbb", Wish(RETRY))


async def test_only_steps_that_would_run_again_can_be_edited():
    failed = made(SessionState.FAILED)
    _, said = await asked_for(voice(failed), "bbbb", Wish(RETRY, edits={"restart": "true"}))
    assert [(edit.step_id, edit.run) for edit in said.edits] == [("restart", "true")]
    for name in ("look", "nothing"):
        with pytest.raises(NotDoneError, match=f"{name} is no step that would run again"):
            await asked_for(voice(failed), "bbbb", Wish(RETRY, edits={name: "true"}))


def test_an_edit_is_shown_line_by_line():
    told = list(changes(made(), {"restart": "systemctl start\ntrue"}))
    assert told[3:] == ["-systemctl restart", "+systemctl start", "+true"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"state": "in_progress", "session_id": uuid4()}, "is under way for it"),
        ({"state": "resolved"}, "there is nothing left to mend"),
        ({"state": "escalated", "parent_id": uuid4()}, "run it for that one"),
        (
            {
                "state": "triaged",
                "choice": {
                    "id": uuid4(),
                    "asked_at": "2026-03-01T10:00:00Z",
                    "expires_at": "2026-03-01T11:00:00Z",
                },
            },
            "handrail approvals choose",
        ),
    ],
)
def test_a_runbook_is_not_run_for_a_ticket_that_has_something_else(fields, told):
    with pytest.raises(NotDoneError, match=told):
        check(Ticket.of(ticket(TICKET, **fields)))


@pytest.mark.parametrize("state", ["new", "triaged", "reopened", "escalated"])
def test_a_runbook_is_run_for_a_ticket_without_a_plan(state):
    check(Ticket.of(ticket(TICKET, state=state)))


def test_a_run_without_a_ticket_opens_one_of_its_own_each_time():
    first, second = (made_up("restart", {"job": "shop"}, "TargetDown") for _ in range(2))
    assert first.fingerprint != second.fingerprint
    assert (first.source, first.requested_by) == ("terminal", person())
    assert request("restart", None, first, {}, "").alert == first
    known = Ticket.of(ticket(TICKET))
    assert request("restart", known, None, {}, "").ticket_id == TICKET


@pytest.mark.parametrize(
    ("session", "state", "succeeded"),
    [
        (made(SessionState.SUCCEEDED), TicketState.ESCALATED, True),
        (made(SessionState.FAILED), TicketState.ESCALATED, False),
        (made(SessionState.CANCELLED), TicketState.RESOLVED, False),
        (None, TicketState.ESCALATED, False),
    ],
)
def test_a_run_succeeded_when_its_plan_ran_through(session, state, succeeded):
    assert Ended(Ticket.of(ticket(TICKET, state=state)), session).succeeded is succeeded


@pytest.mark.parametrize(("state", "succeeded"), [("resolved", True), ("escalated", False)])
def test_with_checks_a_run_succeeded_when_they_found_that_it_helped(state, succeeded):
    checked = made(
        SessionState.SUCCEEDED,
        verify=(CommandCheck(uses="local", target="here", run="true"),),
        runs={"look": Run(state=StepState.SUCCEEDED)},
    )
    assert Ended(Ticket.of(ticket(TICKET, state=state)), checked).succeeded is succeeded
