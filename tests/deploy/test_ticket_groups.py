"""What commands show of tickets that were put under one parent."""

import json
from uuid import uuid4

import pytest

from tests.deploy.records import NOW, TICKET, ticket

REASON = "rule same-node: 2 tickets in 5 minutes with labels.node = n7"
CHILD = uuid4()


@pytest.fixture
async def grouped(stored):
    """A ticket under the one that the store has."""
    under = {
        "parent_id": TICKET,
        "grouped": {"rule": "same-node", "reason": REASON, "at": NOW},
        "title": "the disk is full",
        "state": "triaged",
    }
    await stored.get_collection("tickets").insert_one(ticket(CHILD, **under))


def shown(handrail, ticket_id):
    return json.loads(handrail("ticket", "show", str(ticket_id), "--json").stdout)


def test_a_parent_shows_its_children_with_the_reason_of_each(grouped, handrail):
    child = {
        "id": str(CHILD),
        "state": "triaged",
        "title": "the disk is full",
        "reason": REASON,
    }
    said = shown(handrail, TICKET)
    assert (said["parent"], said["children"]) == (None, [child])
    text = handrail("ticket", "show", str(TICKET)).stdout
    assert f"children  {str(CHILD)[:8]} triaged the disk is full" in text
    assert REASON in text


def test_a_child_shows_its_parent_and_why_it_is_there(grouped, handrail):
    said = shown(handrail, CHILD)
    assert said["parent"] == {
        "id": str(TICKET),
        "state": "in_progress",
        "title": "shop-api is down",
        "reason": REASON,
    }
    assert said["children"] == []
    assert said["grouped"]["rule"] == "same-node"
    text = handrail("ticket", "show", str(CHILD)).stdout
    assert f"{str(TICKET)[:8]} in_progress shop-api is down" in text
    assert REASON in text


def test_a_ticket_alone_shows_neither(stored, handrail):
    said = shown(handrail, TICKET)
    assert (said["parent"], said["children"]) == (None, [])
    text = handrail("ticket", "show", str(TICKET)).stdout
    assert "parent" not in text
    assert "children" not in text


def test_the_list_says_who_leads_and_who_is_under_whom(grouped, handrail):
    text = handrail("ticket", "list").stdout
    assert f"under {str(TICKET)[:8]}" in text
    assert "leads 1" in text
    listed = json.loads(handrail("ticket", "list", "--json").stdout)
    by_id = {each["id"]: each["parent_id"] for each in listed}
    assert by_id[str(CHILD)] == str(TICKET)
    assert by_id[str(TICKET)] is None
