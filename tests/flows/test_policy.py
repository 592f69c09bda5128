"""The policy in the whole loop, with all services."""

from datetime import UTC, datetime

from deploy.services import PARTS
from shared.policy.stop import Stop
from tests.flows.world import eventually

AUTO = "rules: [{name: all, auto: true}]\n"
NEVER = "deny: [{name: no touching, command: touch, reason: Nobody touches anything.}]\n"


def write_policy(world, text) -> None:
    (world.work / "policy.yaml").write_text(text)


async def test_a_policy_lets_run_denies_and_counts_and_a_wrong_one_changes_nothing(world):
    world.write_config(rules={"policy": "policy.yaml"}, here={"connector": "local"})
    write_policy(world, AUTO)
    await world.start_all_but()
    first = await world.open_ticket("one")
    await world.until_state(first, "resolved")
    record = await eventually(lambda: world.db.runbook_records.find_one({"verified": 1, "runs": 1}))
    assert "failed" not in record

    write_policy(world, NEVER)
    # Both that judge have read it: the planner when it plans, the executor when it runs.
    loaded = (world.work / "rest.log").read_text
    await eventually(lambda: loaded().count("policy.loaded") >= 4)
    write_policy(world, "rules: nonsense\n")
    second = await world.open_ticket("two")
    await world.until_state(second, "escalated")
    assert "Nobody touches anything" in world.ticket(second)["escalated"]["reason"]
    assert world.ran() == ["one"]


async def test_while_everything_is_stopped_plans_wait_and_new_tickets_go_to_people(world):
    await world.start(*(name for name in PARTS if name != "executor"), label="rest")
    ticket_id = await world.open_ticket()
    await world.until_state(ticket_id, "planned")
    stop = Stop(by="ann", at=datetime(2030, 1, 2, tzinfo=UTC), reason="a move")
    world.db.switches.insert_one({"_id": "stop", **stop.model_dump()})
    await world.start("executor")
    await eventually(lambda: world.session(ticket_id)["runs"])
    other = await world.open_ticket("other")
    await world.until_state(other, "escalated")
    assert "Handrail is stopped: a move" in world.ticket(other)["escalated"]["reason"]
    # Its first step is claimed, and has done nothing since.
    assert world.session(ticket_id)["runs"]["look"]["state"] == "running"
    assert world.db.output.find_one() is None
    world.db.switches.delete_one({"_id": "stop"})
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]
