"""A person approves a step with changes, in the whole loop."""

import json
from urllib.parse import urlsplit

from tests.flows.test_requester import ADA, BOB, link_of
from tests.flows.world import eventually

POLICY = """
rules:
  - {name: vital, when: 'step.command.contains("echo vital")', require: 2}
deny:
  - {name: hands off, command: 'echo evil', reason: Nobody touches evil.}
"""
JSON = {"Accept": "application/json"}


async def test_the_changed_command_is_judged_again_and_runs_when_enough_people_agree_to_it(world):
    config = {
        "sources": {"alertmanager": {"bearer": {"env": "FLOW_TOKEN"}}},
        "people": [ADA, BOB],
        "targets": {"here": {"connector": "local"}},
        "policy": "policy.yaml",
    }
    (world.work / "handrail.yaml").write_text(json.dumps(config))
    (world.work / "policy.yaml").write_text(POLICY)
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    first = await waiting(world, ticket_id)
    assert [field["name"] for field in first["changeable"]["fields"]] == ["job"]

    denied = await changed(world, first, "evil")
    assert "Nobody touches evil" in denied["change"]["refused"]
    assert (denied["command"], denied["required"]) == (first["command"], 1)

    vital = await changed(world, denied, "vital")
    assert "echo vital >>" in vital["command"]
    assert vital["required"] == 2
    assert vital["change"]["by"] == ADA["email"]
    led = await world.http.get(link_of(world, first, ADA), follow_redirects=True)
    assert "Changed by Ada" in led.text

    late = await world.answer(link_of(world, first, BOB))
    assert late.status_code == 409
    for person in (ADA, BOB):
        answer = await world.answer(link_of(world, vital, person))
        assert answer.status_code == 200, answer.text
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["vital"]
    await world.timeline(ticket_id, "step.change_proposed", "step.approved", "ticket.resolved")
    told = world.db.timeline.find_one({"subject": "step.change_proposed", "ticket_id": ticket_id})
    assert told["who"] == ADA["email"]


async def waiting(world, ticket_id, **which):
    """The open question about a step of a ticket."""
    query = {"ticket_id": ticket_id, "state": "pending", **which}
    return await eventually(lambda: world.db.approvals.find_one(query), 90)


async def changed(world, approval, job):
    """The question that Ada's other value for a step leads to."""
    url = world.url("notifier", urlsplit(link_of(world, approval, ADA)).path)
    said = {"decision": "change", "values": {"job": job}, "reason": "the other one"}
    shown = await world.http.post(url, json=said, headers=JSON)
    assert shown.status_code == 200, shown.text
    sent = await world.http.post(
        url, json={**said, "confirm": shown.json()["confirm"]}, headers=JSON
    )
    assert sent.json()["outcome"] == "recorded", sent.text
    return await waiting(world, approval["ticket_id"], replaces=approval["_id"])
