"""What people do at a terminal: run a runbook, answer it, direct its session, end tickets."""

import getpass
from uuid import UUID

import pytest

from deploy.services import PARTS
from tests.deploy.terminal import Terminal
from tests.flows.world import eventually

#: Asks, then does what was answered; anybody may have it fail at first.
ASKING = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: flow, title: Do what somebody says}}
description: It asks what to do.
match: {{alerts: [FlowDown]}}
params:
  job: {{from: labels.job, required: true, pattern: '^[a-z0-9-]+$'}}
steps:
  - id: how
    uses: ask
    action: form
    with:
      question: How often?
      fields: {{times: {{type: integer, title: Times}}, loud: {{type: boolean, default: false}}}}
    risk: low
  - id: repair
    needs: [how]
    uses: local
    target: here
    when: steps.how.outputs.times > 2
    run: 'echo {{{{ job }}}} >> {work}/ran; test -e {work}/up'
    risk: low
    effect: once
    timeout: 60s
verify:
  - {{uses: local, target: here, run: 'test -e {work}/up', within: 1s}}
"""
# Each command is a process of its own, and this machine may be busy.
pytestmark = pytest.mark.timeout(400)
POLICY = {"policy": {"rules": [{"name": "all", "when": "true", "auto": True}]}}


@pytest.fixture
async def terminal(world):
    """A person at a terminal of an installation whose policy asks nobody."""
    world.write_runbook(text=ASKING)
    world.write_config(POLICY, here={"connector": "local"})
    await world.start(*PARTS)
    settings = {k: v for k, v in world.environment.items() if k.startswith(("HANDRAIL_", "FLOW_"))}
    return Terminal(world.work, settings)


async def pending(world, **which):
    """The question that waits, once there is one."""
    which = {"kind": "inquiry", "state": "pending", **which}
    return await eventually(lambda: world.db.approvals.find_one(which), 60)


async def asked_for(world, terminal, *arguments):
    said = await terminal.run("runbook", "run", "flow", *arguments, "--no-wait", "--json")
    assert said.code == 0, said.err
    return said.json(), await pending(world)


async def test_a_runbook_is_run_answered_and_tried_again_from_the_terminal(world, terminal):
    refused = await terminal.run("runbook", "run", "flow", "--param", "job=NO WAY")
    assert (refused.code, "parameter job" in refused.err) == (1, True), refused
    assert world.db.tickets.count_documents({}) == 0

    run, question = await asked_for(world, terminal, "--param", "job=shop", "--reason", "it hangs")
    me = getpass.getuser()
    session = world.db.sessions.find_one({"params.job": "shop"})
    assert (session["found_by"], session["alert"]["requested_by"]) == ("person", me)
    assert session["reasons"][0] == f"{me} asked for it: it hangs"
    ticket = world.ticket(session["ticket_id"])
    assert (ticket["source"], str(ticket["_id"])) == ("terminal", run["ticket_id"])

    wrong = await terminal.run("approvals", "answer", str(question["_id"]), "times=many")
    assert (wrong.code, "times is no whole number" in wrong.err) == (1, True), wrong
    done = await terminal.run("approvals", "answer", str(question["_id"]), "times=3", "loud=yes")
    assert done.out.startswith("Recorded: times: 3, loud: yes."), done
    await world.until_state(ticket["_id"], "escalated")
    assert world.ran() == ["shop"]

    # What was answered is not asked again; the command is another one.
    script = world.work / "mended.sh"
    script.write_text(f"echo mended >> {world.work}/ran\n")
    edit = f"repair={script}"
    unseen = await terminal.run("session", "retry", run["session_id"], "--edit", edit)
    assert (unseen.code, "+echo mended" in unseen.out, "--yes" in unseen.err) == (1, True, True)
    again = await terminal.run(
        "session", "retry", run["session_id"], "--edit", edit, "--yes", "--json"
    )
    new = again.json()["new_session_id"]
    # A command that somebody wrote needs a yes, and not that of whoever asked for the run.
    approval = await eventually(
        lambda: world.db.approvals.find_one({"session_id": UUID(new), "state": "pending"}), 60
    )
    mine = await terminal.run("approvals", "approve", str(approval["_id"]), "--yes")
    assert "another person" in mine.err
    await world.approve(ticket["_id"])
    await eventually(lambda: world.ran() == ["shop", "mended"], 60)

    await world.until_state(ticket["_id"], "escalated")
    ended = await terminal.run("ticket", "resolve", str(ticket["_id"]), "--reason", "I looked")
    assert ended.out.endswith("was escalated; it is resolved.\n"), ended
    await world.timeline(
        ticket["_id"], "plan.requested", "question.answered", "session.directed", "ticket.directed"
    )


async def test_a_session_is_paused_and_ended_and_a_ticket_planned_again(world, terminal):
    run, _ = await asked_for(world, terminal, "--param", "job=shop")
    session = run["session_id"]
    early = await terminal.run("ticket", "resolve", run["ticket_id"], "--reason", "no")
    assert f"handrail session cancel {session}" in early.err
    paused = await terminal.run("session", "pause", session, "--reason", "lunch")
    assert "it is paused" in paused.out, paused
    assert "is paused already" in (await terminal.run("session", "pause", session)).err
    resumed = await terminal.run("session", "resume", session)
    assert "was paused; it is going on" in resumed.out, resumed
    ended = await terminal.run("session", "cancel", session, "--reason", "enough", "--json")
    assert (ended.json()["was"], ended.json()["is"]) == ("waiting", "cancelled"), ended
    assert "has ended, it cancelled" in (await terminal.run("session", "pause", session)).err
    assert world.db.approvals.find_one({"kind": "inquiry"})["state"] == "superseded"
    ticket_id = UUID(run["ticket_id"])
    await world.until_state(ticket_id, "escalated")

    again = await terminal.start(
        "runbook", "run", "flow", "--ticket", run["ticket_id"], "--param", "job=till"
    )
    question = await pending(world)
    (world.work / "up").touch()
    await terminal.run("approvals", "answer", str(question["_id"]), "times=3")
    out, err = await again.communicate()
    assert again.returncode == 0, (out, err)
    assert b"repair: succeeded" in out
    assert world.ran() == ["till"]
    assert world.db.tickets.count_documents({}) == 1
