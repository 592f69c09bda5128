"""What people allowed in advance lets a step begin, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.executor.admission.inadvance import InAdvance
from services.executor.admission.verdict import Ask, Deny, Go, Hold
from services.executor.advance import admit
from services.executor.consent import check_approval
from services.executor.moves import Move
from services.executor.session import Run
from shared.events import (
    Answer,
    ApprovalRule,
    Decision,
    FoundBy,
    Seat,
    StepApproved,
    StepAwaitingApproval,
    StepStarted,
)
from shared.lifecycle import Risk, StepState
from shared.policy.voters import EVERYBODY
from shared.signing import ForgedDecisionError
from tests.executor.sessions import NOW, session, step
from tests.executor.wardens import ALERT, World, policy, warden
from tests.standing.words import ADA, BOB, CLEO, SIGNER, STRANGER, delegation, window


class Standing:
    """Windows that stand, and how often each was used."""

    def __init__(self, *windows):
        self.stand = windows
        self.keys = []

    def windows(self, runbook, at):
        return [one for one in self.stand if one.runbook == runbook and one.holds_at(at)]

    async def use(self, said, key, *, at):
        if (said.id, key) not in self.keys:
            if said.times is not None and len(self.keys) >= said.times:
                return None
            self.keys.append((said.id, key))
        return len(self.keys)

    async def roster(self):
        return EVERYBODY


def allowed(*windows, people=(ADA, BOB)):
    standing = Standing(*windows)
    return InAdvance(standing, standing, SIGNER, standing, frozenset(people), lambda: NOW)


async def verdict(in_advance, *, of=None, world=None, **given):
    of = of or session(step("a", asks=1), alert=ALERT)
    judge = replace(warden(world or World(), **given), in_advance=in_advance)
    return (await judge.verdicts(of, ["a"]))["a"]


def uses(in_advance):
    return len(in_advance.uses.keys)


async def test_a_step_that_was_allowed_in_advance_begins_with_a_signed_yes():
    of = session(step("a", asks=1), alert=ALERT)
    said = window(since=NOW)
    said_go = await verdict(allowed(said), of=of)
    assert isinstance(said_go, Go)
    (given,) = said_go.given
    assert (given.by, given.answer, given.window) == (ADA, Answer.APPROVE, said)
    one = of.step("a")
    SIGNER.check(given, approval_id=of.approval_id(one), step_hash=one.digest(of.id))


@pytest.mark.parametrize(
    ("about", "fields"),
    [
        ({"risk": Risk.CRITICAL}, {}),
        ({}, {"found_by": FoundBy.SEARCH}),
        ({"uses": "ask", "run": "form\nquestion: Why?\nfields: {}"}, {}),
        ({"undoes": "b"}, {}),
        ({"uses": "terraform", "run": "apply"}, {}),
        ({}, {"retry_of": UUID(int=9)}),
    ],
    ids=[
        "critical",
        "found by the search",
        "a form",
        "what takes a step back",
        "a plan that has to be seen",
        "what is tried again",
    ],
)
async def test_some_steps_are_asked_for_each_time(about, fields):
    of = session(step("a", asks=1, **about), alert=ALERT, **fields)
    in_advance = allowed(window(since=NOW))
    rule = of.step("a").approval
    assert (await in_advance.found(of, of.step("a"), rule)).said == ()


@pytest.mark.parametrize(
    "other",
    [
        {"runbook": "another"},
        {"version": "another text"},
        {"risk": Risk.MEDIUM},
        {"target": "there"},
        {"by": "eve@example.org"},
        {"since": NOW - timedelta(hours=3)},
        {"since": NOW + timedelta(hours=1)},
        {"ended_at": NOW, "ended_by": ADA},
    ],
    ids=[
        "another runbook",
        "another text of it",
        "less risk",
        "another target",
        "nobody's",
        "over",
        "not yet",
        "ended",
    ],
)
async def test_a_window_that_is_not_about_this_step_now_lets_nothing_begin(other):
    in_advance = allowed(window(**{"since": NOW, **other}))
    assert isinstance(await verdict(in_advance), Ask)
    assert uses(in_advance) == 0


async def test_where_two_have_to_agree_one_window_is_one_yes_of_them():
    of = session(step("a", asks=2), alert=ALERT)
    asked = await verdict(allowed(window(since=NOW)), of=of)
    assert isinstance(asked, Ask)
    assert [each.by for each in asked.given] == [ADA]
    move = admit(_due(of), {"a": asked})
    (event,) = [e for e in move.events if isinstance(e, StepAwaitingApproval)]
    (given,) = event.given
    SIGNER.check(given, approval_id=event.approval_id, step_hash=event.step_hash)


async def test_windows_of_two_people_are_two_yeses():
    of = session(step("a", asks=2), alert=ALERT)
    both = allowed(window(since=NOW), window(since=NOW, by=BOB))
    assert isinstance(await verdict(both, of=of), Go)


async def test_no_window_counts_for_a_step_whose_yes_was_taken_back_however_often_it_is_asked():
    of = session(step("a", asks=1), alert=ALERT)
    first = of.with_run("a", Run(asked=1)).approval_id(of.step("a"))
    # Asked anew, and agreed to by one; the policy wants two by now.
    run = Run(state=StepState.READY, asked=2, agreed=1, taken_back=first)
    world = World()
    world.policy = policy(rules=[{"name": "two", "when": "true", "require": 2}])
    in_advance = allowed(window(since=NOW))
    found = await verdict(in_advance, of=of.with_run("a", run), world=world)
    assert isinstance(found, Ask)
    assert (found.given, uses(in_advance)) == ((), 0)


async def test_two_windows_of_one_person_are_one_yes():
    of = session(step("a", asks=2), alert=ALERT)
    both = allowed(window(since=NOW), window(since=NOW))
    assert isinstance(await verdict(both, of=of), Ask)


async def test_who_may_not_answer_may_not_allow_it_in_advance_either():
    rule = ApprovalRule(required=1, reason="so", who=(BOB,))
    of = session(step("a", asks=1, approval=rule), alert=ALERT)
    assert isinstance(await verdict(allowed(window(since=NOW)), of=of), Ask)
    assert isinstance(await verdict(allowed(window(since=NOW, by=BOB)), of=of), Go)


async def test_a_seat_has_to_be_filled_by_one_of_its_people():
    rule = ApprovalRule(required=1, reason="so", seats=(Seat(name="dba", people=(BOB,)),))
    of = session(step("a", asks=1, approval=rule), alert=ALERT)
    assert isinstance(await verdict(allowed(window(since=NOW)), of=of), Ask)
    assert isinstance(await verdict(allowed(window(since=NOW, by=BOB)), of=of), Go)


async def test_who_asked_for_the_ticket_does_not_allow_it_in_advance():
    asked_by = ALERT.model_copy(update={"requested_by": ADA})
    of = session(step("a", asks=1), alert=asked_by)
    assert isinstance(await verdict(allowed(window(since=NOW)), of=of), Ask)


async def test_what_is_used_up_is_asked_for():
    in_advance = allowed(window(since=NOW, times=1))
    first, second = session(step("a", asks=1), alert=ALERT), session(step("a", asks=1, run="ls"))
    assert isinstance(await verdict(in_advance, of=first), Go)
    assert isinstance(await verdict(in_advance, of=second), Ask)


async def test_who_is_asked_since_a_window_is_used_up_holds_no_target_back():
    world, in_advance = World(), allowed(window(since=NOW, times=1))
    first, second = session(step("a", asks=1), alert=ALERT), session(step("a", asks=1, run="ls"))
    assert isinstance(await verdict(in_advance, of=first), Go)
    found = await verdict(in_advance, of=second, world=world, concurrency=1)
    assert isinstance(found, Ask)
    assert (world.held, world.places) == ({}, {"target here": set()})


async def test_a_step_that_has_to_wait_for_its_target_uses_nothing():
    world = World()
    world.waits_for = _nobody_waits
    in_advance = allowed(window(since=NOW))
    of = session(step("a", asks=1), alert=ALERT)
    world.held["here"] = of.id.__class__(int=0)
    assert isinstance(await verdict(in_advance, of=of, world=world), Hold)
    assert uses(in_advance) == 0


async def test_what_the_policy_denies_does_not_run_though_it_was_allowed():
    world = World()
    world.policy = policy(deny=[{"name": "echoes", "command": "echo", "reason": "No."}])
    in_advance = allowed(window(since=NOW))
    assert isinstance(await verdict(in_advance, world=world), Deny)
    assert uses(in_advance) == 0


async def test_it_is_told_who_allowed_it_and_that_it_began():
    of = session(step("a", asks=1), alert=ALERT)
    said = window(since=NOW)
    move = admit(_due(of), {"a": await verdict(allowed(said), of=of)})
    approved, started = move.events
    assert isinstance(approved, StepApproved)
    assert isinstance(started, StepStarted)
    assert started.allowed_by == (f"{ADA} (in advance, {said.mark})",)
    assert move.session.agreed(move.session.step("a")) == 1
    assert check_approval(move.session, approved, SIGNER) == 1


async def test_a_retry_of_what_was_allowed_is_not_asked_for():
    of = session(step("a", asks=1), alert=ALERT)
    move = admit(_due(of), {"a": await verdict(allowed(window(since=NOW)), of=of)})
    run = move.session.run("a").becomes(StepState.READY)
    again = await verdict(allowed(), of=move.session.with_run("a", run))
    assert again == Go()


@pytest.mark.parametrize(
    "forged",
    [
        window(since=NOW, version="another text"),
        window(since=NOW, runbook="another"),
        window(since=NOW, target="there"),
        window(since=NOW).model_copy(update={"signature": "0" * 64}),
        window(since=NOW, version="x").model_copy(update={"version": "abc"}),
    ],
    ids=["another text", "another runbook", "another target", "unsigned", "altered"],
)
def test_a_yes_by_a_window_that_is_not_about_this_step_is_not_believed(forged):
    of = session(step("a", asks=1), alert=ALERT)
    one = of.step("a")
    about = {"approval_id": of.approval_id(one), "step_hash": one.digest(of.id)}
    yes = Decision(answer=Answer.APPROVE, by=ADA, at=NOW, channel="email", window=forged, place=0)
    said = StepApproved.about(
        of.id,
        ticket_id=of.ticket_id,
        session_id=of.id,
        step_id="a",
        decisions=(SIGNER.signed(yes, **about),),
        **about,
    )
    with pytest.raises(ForgedDecisionError):
        check_approval(of, said, SIGNER)


@pytest.mark.parametrize("told", ["wB", "wwB", "Bw"], ids=["first", "twice", "last"])
async def test_a_yes_by_a_window_that_was_taken_back_is_not_put_back_between_the_answers(told):
    of = session(step("a", asks=2), alert=ALERT)
    move = admit(_due(of), {"a": await verdict(allowed(window(since=NOW)), of=of)})
    (asked,) = [e for e in move.events if isinstance(e, StepAwaitingApproval)]
    about = {"approval_id": asked.approval_id, "step_hash": asked.step_hash}
    # Ada took hers back in between, as answer number 2.
    answer = {"answer": Answer.APPROVE, "at": NOW, "channel": "email"}
    bob = SIGNER.signed(Decision(by=BOB, place=2, **answer), **about)
    words = {"w": asked.given[0], "B": bob}
    said = StepApproved.about(
        of.id,
        ticket_id=of.ticket_id,
        session_id=of.id,
        step_id="a",
        decisions=[words[each] for each in told],
        **about,
    )
    with pytest.raises(ForgedDecisionError):
        check_approval(move.session, said, SIGNER)


@pytest.mark.parametrize(
    ("places", "why"), [((None,), "has no place"), ((0, 0), "told twice"), ((0, 1), "")]
)
def test_a_yes_by_a_window_has_one_place_among_the_answers(places, why):
    of = session(step("a", asks=1), alert=ALERT)
    one = of.step("a")
    about = {"approval_id": of.approval_id(one), "step_hash": one.digest(of.id)}
    yes = {"answer": Answer.APPROVE, "by": ADA, "at": NOW, "channel": "email"}
    said = StepApproved.about(
        of.id,
        ticket_id=of.ticket_id,
        session_id=of.id,
        step_id="a",
        decisions=[
            SIGNER.signed(Decision(**yes, window=WINDOW, place=each), **about) for each in places
        ],
        **about,
    )
    if not why:
        assert check_approval(of, said, SIGNER) == 1
        return
    with pytest.raises(ForgedDecisionError, match=why):
        check_approval(of, said, SIGNER)


WINDOW = window(since=NOW)
ADA_ONLY = ApprovalRule(required=1, reason="so", who=(ADA,))
HANDED = delegation(since=NOW)


@pytest.mark.parametrize(
    ("by", "word", "counts"),
    [
        pytest.param(BOB, HANDED, True, id="for who may"),
        pytest.param(BOB, None, False, id="in his own name"),
        pytest.param(CLEO, HANDED, False, id="by a third person"),
        pytest.param(BOB, delegation(since=NOW, signer=STRANGER), False, id="made up"),
        pytest.param(
            CLEO, HANDED.model_copy(update={"to": CLEO}), False, id="altered to somebody else"
        ),
        pytest.param(
            BOB,
            delegation(since=NOW - timedelta(days=1)).model_copy(
                update={"until": NOW + timedelta(days=1)}
            ),
            False,
            id="made longer",
        ),
        pytest.param(CLEO, delegation(since=NOW, of=BOB, to=CLEO), False, id="handed on"),
    ],
)
def test_a_yes_in_anothers_place_is_believed_only_with_a_signed_delegation(by, word, counts):
    of = session(step("a", asks=1, approval=ADA_ONLY), alert=ALERT)
    one = of.step("a")
    about = {"approval_id": of.approval_id(one), "step_hash": one.digest(of.id)}
    yes = Decision(answer=Answer.APPROVE, by=by, at=NOW, channel="email", delegation=word)
    said = StepApproved.about(
        of.id,
        ticket_id=of.ticket_id,
        session_id=of.id,
        step_id="a",
        decisions=(SIGNER.signed(yes, **about),),
        **about,
    )
    if counts:
        assert check_approval(of, said, SIGNER) == 1
        return
    with pytest.raises(ForgedDecisionError):
        check_approval(of, said, SIGNER)


def _due(of):
    return Move(of.with_run("a", Run(state=StepState.READY)), "me", NOW)


async def _nobody_waits(_session_id, _other):
    return False
