"""Who asks for a ticket does not say yes to it, in the whole loop."""

import json
from uuid import UUID

from pydantic import SecretStr

from services.notifier.links import Channel, Link, url
from shared.signing import Signer
from tests.flows.world import SECRET, TOKEN, eventually

ADA = {"name": "Ada", "email": "ada@example.com"}
BOB = {"name": "Bob", "email": "bob@example.com"}


async def test_the_page_and_the_executor_refuse_the_yes_of_whoever_asked(world):
    config = {
        "sources": {
            "ada": {"kind": "api", "bearer": {"env": "FLOW_TOKEN"}, "person": ADA["email"]}
        },
        "people": [ADA, BOB],
        "targets": {"here": {"connector": "local"}},
    }
    (world.work / "handrail.yaml").write_text(json.dumps(config))
    await world.start_all_but()
    ticket_id = await asked_for(world)
    approval = await eventually(lambda: world.db.approvals.find_one({"ticket_id": ticket_id}))
    assert approval["requester"] == ADA["email"]
    assert [to["email"] for to in approval["recipients"]] == [BOB["email"]]

    own = link_of(world, approval, ADA)
    refused = await world.answer(own)
    assert (refused.status_code, "asked for this ticket" in refused.text) == (403, True)

    answer = await world.answer(link_of(world, approval, BOB))
    assert answer.status_code == 200, answer.text
    await world.until_state(ticket_id, "resolved")
    assert world.ran() == ["shop"]


async def asked_for(world) -> UUID:
    answer = await world.http.post(
        world.url("ingest", "/tickets"),
        json={"title": "The shop is down", "name": "FlowDown", "labels": {"job": "shop"}},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["id"])


def link_of(world, approval, person) -> str:
    """The link that this person has, or would have."""
    link = Link.to(
        approval["_id"],
        approval["step_hash"],
        approval["expires_at"],
        recipient=person["email"],
        channel=Channel.EMAIL,
    )
    return url(link, key=Signer(SecretStr(SECRET)).link_key(), public_url=world.url("notifier", ""))
