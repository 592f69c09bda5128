"""What ``ticket show`` says of tickets that took another turn."""

from uuid import uuid4

import pytest

from tests.deploy.records import NOW, ticket

RESOLVED = {"title": "t", "resolution": "source", "summary": "its source said so", "time": NOW}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {
                "state": "closed",
                "suppressed": {"window": "patching", "reason": "kernels", "until": NOW},
            },
            ["suppressed", "by patching until", "kernels"],
        ),
        (
            {
                "state": "triaged",
                "reopened": {"number": 2, "reason": "it fires again", "at": NOW},
                "resolved": RESOLVED,
            },
            ["reopened", "2 times, last because it fires again", "resolved before"],
        ),
        (
            {"flapping": {"because": "it came back 4 times within 30 minutes", "until": NOW}},
            ["flaps", "it came back 4 times within 30 minutes"],
        ),
    ],
    ids=["suppressed", "reopened", "flapping"],
)
async def test_the_turn_that_a_ticket_took_is_told_with_its_reason(stored, handrail, changes, told):
    id_ = uuid4()
    await stored.get_collection("tickets").insert_one(ticket(id_, **changes))
    text = handrail("ticket", "show", str(id_)).stdout
    for words in told:
        assert words in text
