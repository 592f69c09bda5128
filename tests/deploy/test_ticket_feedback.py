"""``handrail ticket show`` tells what people said of how a ticket ended."""

import json

import pytest

from services.notifier.feedback.feedback import Feedback
from services.notifier.feedback.store import MongoFeedbacks
from tests.deploy.records import NOW, TICKET
from tests.notifier.fakes import Bus

SAID = Feedback(
    ticket_id=TICKET, by="alice@example.org", fixed=False, stars=2, comment="it came back", at=NOW
)


@pytest.fixture
async def said(stored):
    """Somebody was not content."""
    await MongoFeedbacks(stored, Bus().publish).record(SAID)


def test_feedback_is_shown_with_its_ticket(said, handrail):
    text = handrail("ticket", "show", str(TICKET)).stdout
    assert "alice@example.org: not fixed, 2 of 5 stars: it came back" in " ".join(text.split())
    (given,) = json.loads(handrail("ticket", "show", str(TICKET), "--json").stdout)["feedback"]
    assert (given["by"], given["fixed"], given["stars"]) == ("alice@example.org", False, 2)
