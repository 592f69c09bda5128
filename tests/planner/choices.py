"""A choice between two runbooks, and answers to it."""

from datetime import UTC, datetime, timedelta

from services.planner.choice import Choice, asked
from services.planner.undecided import Undecided
from shared.events import Choosing, PlanChosen, Refusal, TicketTriaged
from tests.planner.tickets import SIGNER, planner, triaged
from tests.runbook.runbooks import named

NOW = datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
ANN = "ann@example.org"
TWO = (
    named("one", "{alerts: [TargetDown]}", run="echo one"),
    named("two", "{alerts: [TargetDown]}", run="echo two"),
    named(
        "zero",
        "{alerts: [TargetDown]}",
        params="{who: {from: labels.who, required: true}}",
    ),
)


def undecided(ticket: TicketTriaged) -> Undecided:
    made = planner(*TWO).conclude(ticket)
    assert isinstance(made, Undecided)
    return made


def choice(ticket_id=None) -> Choice:
    ticket = triaged(ticket_id)
    made = undecided(ticket)
    plans = [one.plan for one in made.tried if one.plan is not None]
    question = asked(ticket, made, plans, now=NOW, expires_after=timedelta(hours=1))
    assert isinstance(question, Choice)
    return question


def chose(question: Choice, runbook: str | None, *, by=SIGNER, **changes) -> PlanChosen:
    """The event of an answer, signed by whom."""
    digest = question.needed.digest
    said = Choosing(runbook=runbook, by=ANN, at=NOW, channel="email", reason="it is late")
    signed = by.signed_choice(said, choice_id=question.id, digest=digest)
    fields = {
        "ticket_id": question.ticket.ticket_id,
        "choice_id": question.id,
        "digest": digest,
        "decisions": (signed,),
    }
    return PlanChosen.about(question.id, **{**fields, **changes})


def expired(question: Choice, *, by=SIGNER) -> PlanChosen:
    signature = by.expiry(approval_id=question.id, step_hash=question.needed.digest)
    return chose(question, None, decisions=(), refusal=Refusal.EXPIRED, signature=signature)
