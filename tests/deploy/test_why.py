"""Why an alert did what it did, or nothing."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from deploy.views import AlertView, Ticket
from deploy.why import Explained, standing
from services.ingest.ticket import Decision
from tests.deploy.records import NOW, OTHER, TICKET, ticket

WINDOW = {"window": "upgrade", "reason": "new disks", "until": NOW + timedelta(hours=1)}
FALSE = {"verdict": "false", "confidence": 0.9, "reasons": ["it is over", "it was short"]}


def stands(**changes):
    return Ticket.of(ticket(TICKET, **changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ["is in progress"]),
        (
            {
                "state": "triaged",
                "choice": {"id": UUID(int=7), "asked_at": NOW, "expires_at": NOW},
            },
            ["is triaged", "people are asked which runbook to use, until"],
        ),
        ({"state": "closed", "verdict": FALSE}, ["judged a false alarm: it is over, it was short"]),
        (
            {"state": "closed", "suppressed": WINDOW},
            ["in the maintenance window upgrade until", ": new disks"],
        ),
        (
            {"parent_id": OTHER, "grouped": {"rule": "rack", "reason": "same rack", "at": NOW}},
            ["part of ticket aaaa1111, which is dealt with instead: same rack"],
        ),
        ({"flapping": {"because": "it came back 5 times", "until": NOW}}, ["it flaps: it came"]),
        (
            {"state": "reopened", "reopened": {"at": NOW, "reason": "it fires again", "number": 3}},
            ["is reopened", "reopened 3 times, because it fires again"],
        ),
        (
            {"state": "escalated", "escalated": {"reason": "no runbook\nfits"}},
            ["a person has to look at it: no runbook fits"],
        ),
        (
            {"state": "resolved", "resolved": {"resolution": "verified", "summary": "up is 1"}},
            ["is resolved", "verified up is 1"],
        ),
    ],
)
def test_a_ticket_tells_in_one_line_how_it_stands_and_why(changes, told):
    line = standing(stands(**changes))
    assert line.startswith("ticket aaaa0000 is ")
    assert "\n" not in line
    assert [part for part in told if part not in line] == []


def alert(decision, because="", ticket_id=None):
    return AlertView(
        id="1",
        at=NOW,
        decision=decision,
        because=because,
        ticket_id=ticket_id,
        alert=ticket(TICKET)["alert"],
    )


@pytest.mark.parametrize("decision", list(Decision))
def test_every_decision_is_told_in_words(decision):
    assert Explained.of(alert(decision), None).did
    assert Explained.of(alert(decision, "of a rule"), None).did.endswith(": of a rule")


def test_what_was_kept_before_decisions_were_has_no_words():
    assert Explained.of(alert(None), None).did == ""


def test_a_ticket_that_was_removed_is_said_to_be_gone():
    gone = uuid4()
    explained = Explained.of(alert(Decision.OPENED, ticket_id=gone), None)
    assert explained.ticket == f"ticket {str(gone)[:8]} is not there any more"
