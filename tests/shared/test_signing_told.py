"""What the executor tells and others act on carries its signature over all of it."""

import json
from typing import get_args

import pytest
from pydantic import SecretStr

from shared.events import Event, QuestionAsked, SessionFinished, StepAwaitingApproval
from shared.outbox import _revived, kept
from shared.signing import ForgedDecisionError, Signer, Told
from tests.events.examples import EXAMPLES

SIGNER = Signer(SecretStr("k" * 32))
SIGNED = [SIGNER.signed_event(event) for event in EXAMPLES if isinstance(event, get_args(Told))]
BY_SUBJECT = {event.subject: event for event in SIGNED}


def over_the_bus(event: Event, **changed: object) -> Event:
    body = {**json.loads(event.body()), **changed}
    return type(event).read(event.headers(source="executor"), json.dumps(body).encode())


def test_there_is_an_example_of_each():
    assert set(BY_SUBJECT) == {kind.subject for kind in get_args(Told)}


@pytest.mark.parametrize("event", SIGNED, ids=lambda event: event.subject)
def test_it_is_believed_after_the_way_over_the_bus_and_out_of_the_store(event):
    SIGNER.check_event(over_the_bus(event))
    (entry,) = kept([event], traceparent="")
    SIGNER.check_event(_revived(entry))


@pytest.mark.parametrize(
    ("subject", "changed"),
    [
        (StepAwaitingApproval.subject, {"command": "uptime"}),
        (StepAwaitingApproval.subject, {"rollback": None}),
        (StepAwaitingApproval.subject, {"risk": "low"}),
        (StepAwaitingApproval.subject, {"required": 0}),
        (StepAwaitingApproval.subject, {"who": ["eve@example.org"]}),
        (StepAwaitingApproval.subject, {"replaces": "00000000-0000-4000-8000-000000000009"}),
        (StepAwaitingApproval.subject, {"runbook_seal": "00"}),
        (StepAwaitingApproval.subject, {"dry_run": "nothing would change"}),
        (QuestionAsked.subject, {"text": "Is the sky blue?"}),
        (QuestionAsked.subject, {"fields": []}),
        (QuestionAsked.subject, {"command": "uptime"}),
        (SessionFinished.subject, {"outcome": "cancelled"}),
        (SessionFinished.subject, {"ticket_id": "00000000-0000-4000-8000-000000000009"}),
        (
            SessionFinished.subject,
            {"verify": [{"uses": "local", "target": "here", "run": "id", "within": "PT1S"}]},
        ),
        (SessionFinished.subject, {"signature": ""}),
        (SessionFinished.subject, {"signature": "0" * 64}),
    ],
)
def test_nothing_in_it_can_be_changed(subject, changed):
    forged = over_the_bus(BY_SUBJECT[subject], **changed)
    assert forged != BY_SUBJECT[subject]
    with pytest.raises(ForgedDecisionError, match="no executor told this"):
        SIGNER.check_event(forged)


def test_another_installation_is_not_believed():
    with pytest.raises(ForgedDecisionError):
        Signer(SecretStr("x" * 32)).check_event(BY_SUBJECT[SessionFinished.subject])


def test_a_field_that_only_one_side_knows_hinders_nobody_while_it_is_as_usual():
    event = BY_SUBJECT[StepAwaitingApproval.subject]
    SIGNER.check_event(over_the_bus(event, of_a_later_version=""))


def test_what_nobody_acts_on_is_left_as_it_is():
    other = next(event for event in EXAMPLES if not isinstance(event, get_args(Told)))
    assert SIGNER.signed_event(other) is other
