"""Teams that must be among the people, and a yes that is taken back, in the whole loop."""

import json

from tests.deploy.terminal import Terminal
from tests.flows.test_changing import waiting
from tests.flows.test_requester import ADA, BOB, link_of
from tests.flows.world import eventually

CY = {"name": "Cy", "email": "cy@example.com"}
POLICY = "rules: [{name: both, when: 'step.risk == \"high\"', from_each: [dba, security]}]\n"


async def test_a_yes_taken_back_in_a_paused_session_is_asked_for_anew_and_each_team_counts(world):
    config = {
        "sources": {"alertmanager": {"bearer": {"env": "FLOW_TOKEN"}}},
        "people": [ADA, BOB, CY],
        "teams": {
            "dba": [ADA["email"], BOB["email"]],
            "security": [BOB["email"], CY["email"]],
        },
        "targets": {"here": {"connector": "local"}},
        "policy": "policy.yaml",
    }
    (world.work / "handrail.yaml").write_text(json.dumps(config))
    (world.work / "policy.yaml").write_text(POLICY)
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    first = await waiting(world, ticket_id)
    assert first["wanted"] == "2 more yes, of dba and security"
    assert (await said(world, first, BOB))["wanted"] == "1 more yes, of dba or security"

    settings = {k: v for k, v in world.environment.items() if k.startswith(("HANDRAIL_", "FLOW_"))}
    terminal = Terminal(world.work, settings)
    session = str(first["session_id"])
    await terminal.run("session", "pause", session, "--reason", "wait")
    await eventually(lambda: world.session(ticket_id)["paused"], 60)
    assert (await said(world, first, ADA))["state"] == "approved"
    await eventually(lambda: state(world, ticket_id) == "ready", 60)

    assert (await said(world, first, BOB, "withdraw"))["outcome"] == "recorded"
    again = await waiting(world, ticket_id, replaces=first["_id"])
    assert "bob@example.com took the yes back" in again["again"]
    assert (state(world, ticket_id), world.ran()) == ("awaiting_approval", [])
    led = await world.http.get(link_of(world, first, CY), follow_redirects=True)
    assert "bob@example.com took the yes back" in led.text
    await terminal.run("session", "resume", session)

    for person in (CY, ADA):
        await said(world, again, person)
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]
    assert (await said(world, again, ADA, "withdraw"))["error"].startswith("the step has begun")
    await world.timeline(ticket_id, "step.approval_withdrawn", "step.started", "ticket.resolved")


async def said(world, approval, person, decision="approve"):
    answer = await world.answer(link_of(world, approval, person), decision)
    return answer.json()


def state(world, ticket_id):
    return world.session(ticket_id)["runs"]["repair"]["state"]
