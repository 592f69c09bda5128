"""A session ends, or a source says that it is over: what becomes of the ticket."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.verifier.handlers import conclude, heed_source
from services.verifier.store import WITHOUT_PLAN
from shared.events import (
    Alert,
    AlertStatus,
    Change,
    CommandCheck,
    HttpCheck,
    Resolution,
    SessionFinished,
    SessionOutcome,
    TicketEscalated,
    TicketResolved,
    TicketUpdated,
)
from shared.lifecycle import TicketState
from shared.signing import ForgedDecisionError, Signer
from tests.verifier.fakes import FakeTickets, Published, Verdicts

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
CHECK = HttpCheck(url="http://web/")
SIGNER = Signer(SecretStr("k" * 32))
IN_PROGRESS = TicketState.IN_PROGRESS


def told(**fields):
    """As an executor tells it."""
    return SIGNER.signed_event(SessionFinished(**fields))


class Desk:
    """The handlers over fakes, and one ticket."""

    def __init__(self):
        self.tickets, self.published, self.now = FakeTickets(), Published(), NOW

    async def ends(
        self, outcome, *, verify=(CHECK,), passed=(True,), state=IN_PROGRESS, over=False
    ):
        finished = told(
            id=uuid4(),
            ticket_id=uuid4(),
            session_id=uuid4(),
            ticket_title="web-1 is down",
            outcome=outcome,
            reason="as it went",
            tried=("looked", "restarted"),
            verify=verify,
        )
        await self.tickets.put(finished.ticket_id, state, over=over)
        await self.handle(finished, Verdicts(*passed))
        return finished

    async def handle(self, finished, verdicts):
        await conclude(
            finished,
            self.tickets,
            verdicts,
            signer=SIGNER,
            now=lambda: self.now,
            publish=self.published,
        )

    async def says(self, change, *, state, over=True):
        updated = TicketUpdated(
            id=uuid4(),
            ticket_id=uuid4(),
            change=change,
            count=1,
            alert=Alert(
                source="am",
                name="X",
                status=AlertStatus.RESOLVED,
                fingerprint="f",
                title="web-1 is down",
            ),
        )
        await self.tickets.put(updated.ticket_id, state, over=over)
        await heed_source(updated, self.tickets, self.published)
        return updated

    async def state_of(self, event):
        return await self.tickets.seen(event.ticket_id)


@pytest.fixture
def desk():
    return Desk()


async def test_a_plan_that_helped_resolves_with_what_was_seen(desk):
    finished = await desk.ends(SessionOutcome.SUCCEEDED, passed=(True, True))
    said = desk.published.only
    assert isinstance(said, TicketResolved)
    assert (said.resolution, said.session_id) == (Resolution.VERIFIED, finished.session_id)
    assert (said.title, said.summary) == ("web-1 is down", "check 0: seen; check 1: seen")
    assert len(said.checks) == 2
    assert await desk.state_of(finished) is TicketState.RESOLVED


async def test_a_plan_that_did_not_help_calls_a_person_with_what_failed(desk):
    finished = await desk.ends(SessionOutcome.SUCCEEDED, passed=(True, False, False))
    said = desk.published.only
    assert isinstance(said, TicketEscalated)
    assert said.reason.endswith("still there: check 1: seen; check 2: seen")
    assert said.tried == ("looked", "restarted")
    assert [check.passed for check in said.checks] == [True, False, False]
    assert await desk.state_of(finished) is TicketState.ESCALATED


async def test_a_plan_without_checks_calls_a_person(desk):
    await desk.ends(SessionOutcome.SUCCEEDED, verify=())
    assert "no check" in desk.published.only.reason


async def test_a_failed_plan_calls_a_person(desk):
    finished = await desk.ends(SessionOutcome.FAILED)
    assert desk.published.only.reason == "the plan failed: as it went"
    assert await desk.state_of(finished) is TicketState.ESCALATED


async def test_a_plan_that_was_called_off_resolves_by_the_source(desk):
    finished = await desk.ends(SessionOutcome.CANCELLED, state=TicketState.PLANNED, over=True)
    assert desk.published.only.resolution is Resolution.SOURCE
    assert await desk.state_of(finished) is TicketState.RESOLVED


async def test_a_problem_that_came_back_after_its_plan_was_called_off_calls_a_person(desk):
    await desk.ends(SessionOutcome.CANCELLED, state=TicketState.PLANNED, over=False)
    assert "fires again" in desk.published.only.reason


@pytest.mark.parametrize(
    ("outcome", "over"),
    [
        (SessionOutcome.SUCCEEDED, False),
        (SessionOutcome.FAILED, False),
        (SessionOutcome.CANCELLED, True),
        (SessionOutcome.CANCELLED, False),
    ],
)
async def test_a_redelivery_says_the_same_again_and_looks_no_more(desk, outcome, over):
    finished = await desk.ends(outcome, over=over)
    state = await desk.state_of(finished)
    other = Verdicts(False)
    await desk.handle(finished, other)
    first, second = desk.published.events
    assert first == second
    assert other.since == []
    assert await desk.state_of(finished) is state


async def test_a_verification_that_was_broken_off_goes_on_from_when_it_began(desk):
    class Dies(Verdicts):
        async def run(self, checks, since):
            await super().run(checks, since)
            raise ConnectionError

    finished = told(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=uuid4(),
        ticket_title="t",
        outcome=SessionOutcome.SUCCEEDED,
        reason="",
        verify=(CHECK,),
    )
    await desk.tickets.put(finished.ticket_id, TicketState.IN_PROGRESS)
    with pytest.raises(ConnectionError):
        await desk.handle(finished, Dies())
    desk.now += timedelta(minutes=3)
    again = Verdicts(True)
    await desk.handle(finished, again)
    assert again.since == [NOW]
    assert isinstance(desk.published.only, TicketResolved)


async def test_two_verifiers_that_see_different_things_say_the_same(desk):
    class Meanwhile(Verdicts):
        """While this one looks, another verifier comes to the opposite."""

        async def run(self, checks, since):
            await desk.handle(finished, Verdicts(True))
            return await super().run(checks, since)

    finished = told(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=uuid4(),
        ticket_title="t",
        outcome=SessionOutcome.SUCCEEDED,
        reason="",
        verify=(CHECK,),
    )
    await desk.tickets.put(finished.ticket_id, TicketState.IN_PROGRESS)
    await desk.handle(finished, Meanwhile(False))
    first, second = desk.published.events
    assert first == second
    assert await desk.state_of(finished) is TicketState.RESOLVED


@pytest.mark.parametrize("state", [TicketState.RESOLVED, TicketState.CLOSED, TicketState.ESCALATED])
@pytest.mark.parametrize("outcome", SessionOutcome)
async def test_a_ticket_that_moved_on_is_left_alone(desk, state, outcome):
    finished = await desk.ends(outcome, state=state)
    assert desk.published.events == []
    assert await desk.state_of(finished) is state


@pytest.mark.parametrize("state", TicketState)
async def test_a_source_s_word_resolves_where_no_plan_is_under_way(desk, state):
    updated = await desk.says(Change.RESOLVED_AT_SOURCE, state=state)
    if state in WITHOUT_PLAN:
        assert desk.published.only.resolution is Resolution.SOURCE
        assert await desk.state_of(updated) is TicketState.RESOLVED
    else:
        assert desk.published.events == []
        assert await desk.state_of(updated) is state


async def test_a_source_s_word_that_was_taken_back_resolves_nothing(desk):
    await desk.says(Change.RESOLVED_AT_SOURCE, state=TicketState.TRIAGED, over=False)
    assert desk.published.events == []


async def test_a_repeated_alert_resolves_nothing(desk):
    updated = await desk.says(Change.REPEATED, state=TicketState.TRIAGED)
    assert desk.published.events == []
    assert await desk.state_of(updated) is TicketState.TRIAGED


async def test_a_redelivered_word_says_the_same_again(desk):
    updated = await desk.says(Change.RESOLVED_AT_SOURCE, state=TicketState.TRIAGED)
    await heed_source(updated, desk.tickets, desk.published)
    first, second = desk.published.events
    assert first == second


async def test_what_no_executor_told_is_not_looked_at_and_changes_nothing(desk):
    """A check may be a command: whoever puts a message on the bus must not have it run."""
    check = CommandCheck(uses="local", target="here", run="touch /tmp/never")
    fields = {
        "id": uuid4(),
        "ticket_id": uuid4(),
        "session_id": uuid4(),
        "ticket_title": "t",
        "outcome": SessionOutcome.SUCCEEDED,
        "reason": "",
    }
    real = told(**fields, verify=(CHECK,))
    await desk.tickets.put(real.ticket_id, TicketState.IN_PROGRESS)
    verdicts = Verdicts(True)
    for forged in (
        SessionFinished(**fields, verify=(check,)),
        real.model_copy(update={"verify": (check,)}),
        real.model_copy(update={"ticket_id": uuid4()}),
        real.model_copy(update={"outcome": SessionOutcome.CANCELLED}),
    ):
        with pytest.raises(ForgedDecisionError):
            await desk.handle(forged, verdicts)
    assert verdicts.since == []
    assert await desk.state_of(real) is TicketState.IN_PROGRESS
    assert desk.published.events == []
