"""The whole way, with all services: from the webhook to the verified fix."""

from tests.flows.world import alert, eventually


async def test_an_alert_becomes_a_verified_fix(world):
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]
    ticket = world.ticket(ticket_id)
    assert ticket["resolved"]["resolution"] == "verified"
    subjects = await world.timeline(ticket_id, "ticket.resolved", "step.approved")
    assert subjects[0] == "ticket.created"
    assert {
        "ticket.triaged",
        "plan.ready",
        "session.started",
        "step.awaiting_approval",
        "notification.sent",
        "step.approved",
        "step.started",
        "step.done",
        "session.finished",
    } <= set(subjects)


async def test_nothing_dangerous_runs_when_a_person_says_no(world):
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    answer = await world.answer(await world.link(ticket_id), "reject", "not during the sale")
    assert answer.status_code == 200
    await world.until_state(ticket_id, "escalated")
    assert world.ran() == []
    assert "not during the sale" in world.ticket(ticket_id)["escalated"]["reason"]


async def test_resolved_at_the_source_while_a_person_is_asked_cancels(world):
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    link = await world.link(ticket_id)
    await world.post(alert(status="resolved"))
    await world.until_state(ticket_id, "resolved")
    assert world.ticket(ticket_id)["resolved"]["resolution"] == "source"
    await eventually(lambda: world.db.approvals.find_one({"state": "superseded"}))
    assert (await world.answer(link)).status_code == 409
    assert world.ran() == []


async def test_a_watchdog_is_closed_and_an_alert_without_a_runbook_goes_to_a_person(world):
    await world.start_all_but()
    accepted = await world.post(alert("a", name="Watchdog"), alert("b", name="Nobody Knows"))
    tickets = {t["alert"]["name"]: t for t in world.db.tickets.find()}
    assert len(accepted["tickets"]) == len(tickets) == 2
    await world.until_state(tickets["Watchdog"]["_id"], "closed")
    await world.until_state(tickets["Nobody Knows"]["_id"], "escalated")


async def test_a_repair_that_does_not_help_goes_to_a_person(world):
    text = (world.work / "runbooks" / "flow.yaml").read_text()
    useless = text.replace(f"touch {world.work}/up", "true").replace("within: 20s", "within: 1s")
    (world.work / "runbooks" / "flow.yaml").write_text(useless)
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "escalated")
    assert world.ran() == ["shop"]
    assert "still there" in world.ticket(ticket_id)["escalated"]["reason"]


async def test_two_hosts_with_one_alert_are_two_tickets_and_two_repairs(world):
    world.write_runbook(risk="low")
    await world.start_all_but()
    accepted = await world.post(alert("one"), alert("two"))
    assert len(accepted["tickets"]) == 2
    for ticket in accepted["tickets"]:
        assert ticket["opened"]
    for ticket in world.db.tickets.find():
        await world.until_state(ticket["_id"], "resolved")
    assert set(world.ran()) <= {"one", "two"}
