"""What ``ticket show`` says of tickets that took another turn."""

from uuid import UUID

import pytest

from tests.deploy.records import NOW, SESSION, TICKET, ticket

RESOLVED = {"title": "t", "resolution": "source", "summary": "its source said so", "time": NOW}
TURNS = {
    UUID(int=1): {
        "state": "closed",
        "suppressed": {"window": "patching", "reason": "kernels", "until": NOW},
    },
    UUID(int=2): {
        "state": "triaged",
        "reopened": {"number": 2, "reason": "it fires again", "at": NOW},
        "resolved": RESOLVED,
    },
    UUID(int=3): {"flapping": {"because": "it came back 4 times", "until": NOW}},
}


@pytest.fixture
async def turned(stored):
    """One ticket for each turn."""
    documents = [ticket(id_, **changes) for id_, changes in TURNS.items()]
    await stored.get_collection("tickets").insert_many(documents)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1, ["suppressed", "by patching until", "kernels"]),
        (2, ["reopened", "2 times, because it fires again", "resolved before"]),
        (3, ["flaps", "it came back 4 times"]),
    ],
    ids=["suppressed", "reopened", "flapping"],
)
def test_the_turn_that_a_ticket_took_is_told_with_its_reason(turned, handrail, number, told):
    text = handrail("ticket", "show", str(UUID(int=number))).stdout
    for words in told:
        assert words in text


def test_the_list_says_what_the_state_does_not(turned, handrail):
    text = handrail("ticket", "list").stdout
    assert "maintenance: patching" in text
    assert "flaps" in text


@pytest.fixture
async def asked(stored):
    """The ticket's session waits for a person."""
    await stored.get_collection("tickets").update_one(
        {"_id": TICKET}, {"$set": {"session_id": SESSION}}
    )
    await stored.get_collection("sessions").update_one(
        {"_id": SESSION}, {"$set": {"state": "waiting"}}
    )


def test_the_list_says_which_tickets_wait_for_a_person(asked, handrail):
    assert "waits for an answer" in handrail("ticket", "list").stdout
