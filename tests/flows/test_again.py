"""What happens when a problem comes back, with all services."""

from tests.flows.world import alert, eventually

HERE = {"connector": "local"}


async def test_what_was_fixed_and_breaks_again_is_the_same_ticket_with_another_plan(world):
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved")
    first = world.session(ticket_id)["_id"]
    await world.post(alert(status="resolved"))
    (world.work / "up").unlink()
    assert await world.open_ticket() == ticket_id
    await eventually(lambda: world.session(ticket_id)["_id"] != first, 40)
    await world.approve(ticket_id)
    await eventually(lambda: world.ran() == ["shop", "shop"], 40)
    await world.until_state(ticket_id, "resolved")
    ticket = world.ticket(ticket_id)
    assert (ticket["count"], ticket["reopenings"]) == (2, 1)
    subjects = await world.timeline(ticket_id, "ticket.reopened")
    assert subjects.count("session.started") == 2


async def test_what_comes_and_goes_is_left_to_a_person(world):
    flapping = {"flapping": {"times": 2, "within": "10m"}}
    world.write_config({"tickets": flapping}, here=HERE)
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    for _ in range(2):
        await world.post(alert(status="resolved"))
        await world.until_state(ticket_id, "resolved")
        assert await world.open_ticket() == ticket_id
    await world.until_state(ticket_id, "escalated")
    assert "comes and goes" in world.ticket(ticket_id)["escalated"]["reason"]
    await world.post(alert(status="resolved"))
    await world.timeline(ticket_id, "ticket.escalated")
    assert world.ticket(ticket_id)["state"] == "escalated"
    assert world.ran() == []
