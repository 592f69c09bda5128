"""``handrail approvals audit``: the trail of one question."""

import json

import pytest

from services.notifier.audit.entry import Action, Entry
from services.notifier.audit.store import MongoTrail
from tests.deploy.records import APPROVAL, NOW, TICKET

CLICK = Entry(
    at=NOW,
    approval_id=APPROVAL,
    ticket_id=TICKET,
    action=Action.CLICKED,
    by="alice@example.org",
    channel="email",
    address="203.0.113.7",
    agent="Phone/1.0",
)


@pytest.fixture
async def clicked(stored):
    """Somebody has pressed something."""
    await MongoTrail(stored).add(CLICK)


def test_the_trail_says_who_did_what_and_from_where(clicked, handrail):
    (entry,) = handrail_json(handrail, "approvals", "audit", str(APPROVAL)[:8])["entries"]
    assert (entry["action"], entry["by"]) == ("clicked", "alice@example.org")
    assert (entry["address"], entry["agent"]) == ("203.0.113.7", "Phone/1.0")
    text = handrail("approvals", "audit", str(APPROVAL)).stdout
    assert "clicked" in text
    assert "It is pending." in text


def test_a_question_that_nobody_opened_says_so(stored, handrail):
    assert "Nobody has opened it." in handrail("approvals", "audit", str(APPROVAL)).stdout


def handrail_json(handrail, *arguments):
    return json.loads(handrail(*arguments, "--json").stdout)
