"""kill -9 of each service in the middle of the loop: it still ends, and the command ran once."""

import asyncio

import httpx
import pytest

from tests.flows.world import alert, eventually


@pytest.mark.parametrize("victim", ["triage", "planner"])
async def test_a_service_that_dies_with_the_ticket_in_its_hands(world, victim):
    await world.start_all_but(victim)
    world.freeze(victim)
    ticket_id = await world.open_ticket()
    before = {"triage": "new", "planner": "triaged"}[victim]
    await world.until_state(ticket_id, before)
    await world.kill(victim)
    await world.start(victim)
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]


async def test_ingest_dies_while_it_takes_alerts_in(world):
    world.write_runbook(risk="low")
    await world.start_all_but("ingest")
    acknowledged = []

    async def post(job):
        try:
            accepted = await world.post(alert(job))
        except httpx.HTTPError:
            return
        acknowledged.append(accepted["tickets"][0]["id"])

    async with asyncio.TaskGroup() as group:
        for number in range(60):
            group.create_task(post(f"job-{number}"))
        await eventually(lambda: len(acknowledged) >= 5)
        await world.kill("ingest")
    await world.start("ingest")
    stored = {str(ticket["_id"]): ticket["_id"] for ticket in world.db.tickets.find()}
    assert set(acknowledged) <= set(stored)
    # Also those that were stored and never acknowledged, nor announced, are dealt with.
    for ticket_id in stored.values():
        await world.until_state(ticket_id, "resolved")
    jobs = world.ran()
    assert len(jobs) == len(set(jobs))


async def test_the_executor_dies_while_a_command_runs(world):
    world.hold()
    await world.start_all_but("executor")
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_ran()
    await world.kill("executor")
    world.let_go()
    await world.start("executor")
    await world.until_state(ticket_id, "resolved")
    run = world.session(ticket_id)["runs"]["repair"]
    assert world.ran() == ["shop"]
    assert (run["exit_code"], run["output"], run["reattached"]) == (0, "begun\nended", True)
    assert (run["attempt"], run["fence"]) == (1, 2)


async def test_another_executor_takes_over_while_the_command_goes_on(world):
    world.hold()
    await world.start_all_but("executor")
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_ran()
    await world.kill("executor")
    await world.start("executor")
    await eventually(lambda: world.session(ticket_id)["runs"]["repair"]["fence"] == 2)
    world.let_go()
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]
    assert world.session(ticket_id)["runs"]["repair"]["output"] == "begun\nended"


async def test_the_executor_dies_with_an_approval_in_its_hands(world):
    await world.start_all_but("executor")
    ticket_id = await world.open_ticket()
    link = await world.link(ticket_id)
    world.freeze("executor")
    assert (await world.answer(link)).status_code == 200
    await world.kill("executor")
    await world.start("executor")
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]


async def test_the_notifier_dies_with_a_request_in_its_hands(world):
    await world.start_all_but("notifier")
    world.freeze("notifier")
    ticket_id = await world.open_ticket()
    await world.until_state(ticket_id, "in_progress")
    await world.kill("notifier")
    await world.start("notifier")
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]


async def test_the_notifier_dies_right_after_a_person_said_yes(world):
    await world.start_all_but("notifier")
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.kill("notifier")
    await world.start("notifier")
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]


async def test_the_verifier_dies_while_it_watches(world):
    world.write_runbook(hold="3s")
    await world.start_all_but("verifier")
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "verifying")
    await world.kill("verifier")
    await world.start("verifier")
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]


async def test_the_console_dies_while_it_records(world):
    await world.start_all_but("console")
    world.freeze("console")
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.kill("console")
    await world.start("console")
    await world.until_state(ticket_id, "resolved")
    subjects = await world.timeline(
        ticket_id, "ticket.created", "step.approved", "step.done", "ticket.resolved"
    )
    assert subjects.count("ticket.created") == 1
