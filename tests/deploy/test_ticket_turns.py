"""What ``ticket show`` says of tickets that took another turn."""

from uuid import UUID

import pytest

from tests.deploy.records import NOW, ticket

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
        (2, ["reopened", "2 times, last because it fires again", "resolved before"]),
        (3, ["flaps", "it came back 4 times"]),
    ],
    ids=["suppressed", "reopened", "flapping"],
)
def test_the_turn_that_a_ticket_took_is_told_with_its_reason(turned, handrail, number, told):
    text = handrail("ticket", "show", str(UUID(int=number))).stdout
    for words in told:
        assert words in text
