"""Who is asked and when, in the whole loop: on call, escalated, and once although it was killed."""

import json
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes, policy

from tests.flows.test_requester import link_of
from tests.flows.world import eventually

ANN = {"name": "Ann", "email": "ann@example.com"}
BOB = {"name": "Bob", "email": "bob@example.com"}
CY = {"name": "Cy", "email": "cy@example.com"}


def whole(person):
    """A schedule by which one person is always on call."""
    return {"layers": [{"people": [person["email"]], "starts": "2026-01-05"}]}


CONFIG = {
    "sources": {"alertmanager": {"bearer": {"env": "FLOW_TOKEN"}}},
    "people": [ANN, BOB, CY],
    "targets": {"here": {"connector": "local"}},
    "schedules": {"first": whole(ANN), "second": whole(BOB)},
    "policy": {
        "rules": [
            {"name": "duty", "when": 'step.risk == "high"', "require": 1, "from": ["on-call"]}
        ]
    },
    "routes": [
        {
            "name": "duty",
            "to": ["on-call:first"],
            "escalate": [{"after": "3s", "to": ["on-call:second"]}],
        }
    ],
}


def told(world):
    """How many mails that ask each person has in the outbox."""
    found = Counter()
    for file in (world.work / "home" / "outbox").glob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        if "Approve?" in mail["Subject"]:
            found[mail["To"].addresses[0].addr_spec] += 1
    return found


async def test_the_next_is_asked_once_although_the_notifier_was_killed_and_others_may_not_answer(
    world,
):
    (world.work / "handrail.yaml").write_text(json.dumps(CONFIG))
    await world.start_all_but("notifier")
    ticket_id = await world.open_ticket()
    await eventually(lambda: told(world)[ANN["email"]], 40)
    await world.kill("notifier")
    approval = world.db.approvals.find_one({"ticket_id": ticket_id})
    await eventually(lambda: (datetime.now(UTC) - approval["created_at"]).total_seconds() > 3, 30)
    await world.start("notifier")
    await eventually(lambda: told(world)[BOB["email"]], 90)

    stranger = await world.answer(link_of(world, approval, CY))
    assert (stranger.status_code, "answer of others is wanted" in stranger.text) == (403, True)
    answer = await world.answer(link_of(world, approval, BOB))
    assert answer.status_code == 200, answer.text
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]
    assert told(world) == {ANN["email"]: 1, BOB["email"]: 1}
    found = world.db.approvals.find_one({"ticket_id": ticket_id})["recipients"]
    assert [(to["email"], to["round"], to["status"]) for to in found] == [
        (ANN["email"], "", "sent"),
        (BOB["email"], "escalate-1", "sent"),
    ]
