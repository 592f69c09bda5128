"""What a person is asked, and what an answer comes to, as pure decisions."""

from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.planner.choice import Choice, asked, settled
from shared.events import PlanReady, Refusal, TicketEscalated
from shared.lifecycle import Risk
from shared.signing import ForgedDecisionError, Signer
from tests.planner.choices import ANN, NOW, choice, chose, expired, undecided
from tests.planner.tickets import SIGNER, triaged

OTHER = Signer(SecretStr("x" * 32))


def ruled(ticket, *denied):
    """What a policy makes of the plans that denies these."""
    plans = [one.plan for one in undecided(ticket).tried if one.plan is not None]
    return [
        TicketEscalated.following(ticket, title="x", reason=f"the policy denies {name}")
        if (name := plan.runbook.name) in denied
        else plan
        for plan in plans
    ]


def question(ticket, *denied):
    made = ruled(ticket, *denied)
    return asked(ticket, undecided(ticket), made, now=NOW, expires_after=timedelta(hours=1))


def test_a_question_has_every_runbook_with_what_it_would_do_or_what_hinders_it():
    made = choice()
    options = {option.name: option for option in made.needed.options}
    assert list(options) == ["one", "two", "zero"]
    assert [step.command for step in options["two"].steps] == ["echo two"]
    assert (options["two"].risk, options["two"].usable) == (Risk.MEDIUM, True)
    assert "the alert has no label who" in options["zero"].hinders[0]
    assert made.needed.expires_at == NOW + timedelta(hours=1)
    assert made.needed.because == "the rules of 2 runbooks name the alert as exactly: one, two"
    assert [plan.runbook.name for plan in made.plans] == ["one", "two"]


def test_the_same_ticket_event_asks_the_same_question():
    ticket = triaged()
    first, again = question(ticket), question(ticket)
    assert isinstance(first, Choice)
    assert isinstance(again, Choice)
    assert (first.id, first.needed.id) == (again.id, again.needed.id)
    assert first.needed.digest == again.needed.digest


def test_what_the_policy_denies_is_shown_and_cannot_be_chosen():
    made = question(triaged(), "one")
    assert isinstance(made, Choice)
    hinders = {option.name: option.hinders for option in made.needed.options}
    assert hinders["one"] == ("the policy denies one",)
    with pytest.raises(ForgedDecisionError, match="one is none of"):
        settled(made, chose(made, "one"), SIGNER)


def test_where_the_policy_denies_all_of_them_nobody_is_asked():
    made = question(triaged(), "one", "two")
    assert isinstance(made, TicketEscalated)
    assert made.reason == "the policy denies one"


def test_the_plan_that_was_shown_is_the_one_that_is_made():
    made = choice()
    plan = settled(made, chose(made, "two"), SIGNER)
    assert isinstance(plan, PlanReady)
    assert plan.steps == made.plans[1].steps
    assert (plan.id, plan.session_id) == (made.plans[1].id, made.plans[1].session_id)
    assert plan.reasons[0] == f"{ANN} chose it out of one, two, zero: it is late"


def test_none_of_them_hands_the_ticket_over_and_says_who_said_so():
    made = choice()
    said = settled(made, chose(made, None, refusal=Refusal.REJECTED), SIGNER)
    assert isinstance(said, TicketEscalated)
    assert said.reason == f"{ANN} chose none of one, two, zero: it is late"
    assert said.tried[0] == "one: was not chosen"
    assert said.tried[2].startswith("zero: parameter who")


def test_nobody_in_time_hands_the_ticket_over():
    made = choice()
    said = settled(made, expired(made), SIGNER)
    assert isinstance(said, TicketEscalated)
    assert said.reason == "nobody chose in time between one, two, zero"


def tampered(made):
    """Answers that nobody signed to exactly this question."""
    good, other = chose(made, "one"), choice()
    (said,) = good.decisions
    return {
        "another key": chose(made, "one", by=OTHER),
        "an expiry of another key": expired(made, by=OTHER),
        "an expiry without a signature": chose(made, None, decisions=(), refusal=Refusal.EXPIRED),
        "another runbook": good.model_copy(
            update={"decisions": (said.model_copy(update={"runbook": "two"}),)}
        ),
        "another person": good.model_copy(
            update={"decisions": (said.model_copy(update={"by": "eve@example.org"}),)}
        ),
        "no signature": good.model_copy(
            update={"decisions": (said.model_copy(update={"signature": ""}),)}
        ),
        "nobody": good.model_copy(update={"decisions": ()}),
        "two answers": good.model_copy(update={"decisions": (said, said)}),
        "another question": chose(other, "one"),
        "an answer to another question": good.model_copy(
            update={"decisions": chose(other, "one").decisions}
        ),
        "another digest": good.model_copy(update={"digest": "9f"}),
        "another choice": good.model_copy(update={"choice_id": UUID(int=1)}),
        "a runbook that cannot be used": chose(made, "zero"),
        "a runbook that was not shown": chose(made, "three"),
    }


@pytest.mark.parametrize("how", tampered(choice()))
def test_what_nobody_signed_to_exactly_this_question_is_not_believed(how):
    made = choice()
    with pytest.raises(ForgedDecisionError):
        settled(made, tampered(made)[how], SIGNER)


@pytest.mark.parametrize("field", ["version", "command", "target"])
def test_the_digest_is_over_all_that_is_chosen_between(field):
    needed = choice().needed
    first = needed.options[0]
    step = first.steps[0]
    changed = (
        first.model_copy(update={"runbook": first.runbook.model_copy(update={"version": "9"})})
        if field == "version"
        else first.model_copy(update={"steps": (step.model_copy(update={field: "other"}),)})
    )
    other = needed.model_copy(update={"options": (changed, *needed.options[1:])})
    assert other.digest != needed.digest
