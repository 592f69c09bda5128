"""What people said in advance, in the whole loop."""

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import SecretStr

from services.notifier.links import Channel, Link, url
from shared.signing import Signer
from tests.flows.world import SECRET, eventually
from tests.standing.words import STRANGER, window

ADA = {"name": "Ada", "email": "ada@example.com"}
BOB = {"name": "Bob", "email": "bob@example.com"}


async def test_a_runbook_that_was_allowed_runs_without_asking_until_that_is_ended(world):
    _configure(world)
    world.write_runbook()
    await world.start_all_but()
    first = await world.open_ticket("shop")
    approval = await _asked(world, first)
    _forge(world, approval)
    link = _link(world, approval, ADA)
    assert (await world.answer(link)).status_code == 200
    allowed = await _say(world, link, do="allow", span="2h")
    assert "have your yes" in allowed["done"]
    await eventually(lambda: any("Subject: Said in your name" in mail for mail in _mails(world)))
    await world.until_state(first, "resolved")

    await _known_to_the_executor(world)
    second = await _broken_again(world, "cart")
    await world.until_state(second, "resolved")
    assert world.db.approvals.count_documents({"ticket_id": second}) == 0
    await world.timeline(second, "step.approved", "step.started")
    told = world.db.timeline.find({"ticket_id": second, "subject": "step.started"})
    assert any("allowed by ada@example.com (in advance" in entry["what"] for entry in told)
    word = next(each for each in allowed["in_advance"] if each["kind"] == "window")
    assert world.db.standing.find_one({"_id": UUID(word["id"])})["used"] == 1

    assert (await _say(world, link, do="end", id=word["id"]))["done"]
    await _known_to_the_executor(world)
    third = await _broken_again(world, "mail")
    assert (await _asked(world, third))["state"] == "pending"
    assert world.ran() == ["shop", "cart"]


async def test_who_stands_in_is_asked_and_the_step_runs_with_that_yes(world):
    rule = {"name": "ada", "when": 'step.risk == "high"', "require": 1, "from": [ADA["email"]]}
    _configure(world, policy={"rules": [rule]})
    world.write_runbook()
    await world.start_all_but()
    ticket_id = await world.open_ticket("shop")
    approval = await _asked(world, ticket_id)
    assert [to["email"] for to in approval["recipients"]] == [ADA["email"]]
    bobs = _link(world, approval, BOB)
    assert (await world.answer(bobs)).status_code == 403
    await _say(world, _link(world, approval, ADA), do="delegate", to=BOB["email"], span="8h")

    def mailed():
        found = world.db.approvals.find_one({"_id": approval["_id"]})
        return [to["status"] for to in found["recipients"] if to["email"] == BOB["email"]]

    await eventually(lambda: mailed() == ["sent"])
    assert (await world.answer(bobs)).status_code == 200
    await world.until_state(ticket_id, "resolved")
    await world.timeline(ticket_id, "step.approved")
    said = world.db.timeline.find_one({"ticket_id": ticket_id, "subject": "step.approved"})
    assert said["who"] == "bob@example.com for ada@example.com"


def _configure(world, **more):
    config = {
        "sources": {"alertmanager": {"bearer": {"env": "FLOW_TOKEN"}}},
        "people": [ADA, BOB],
        "targets": {"here": {"connector": "local"}},
        **more,
    }
    (world.work / "handrail.yaml").write_text(json.dumps(config))


async def _asked(world, ticket_id: UUID):
    return await eventually(lambda: world.db.approvals.find_one({"ticket_id": ticket_id}), 90)


async def _broken_again(world, job):
    """Another ticket, after what the runbook looks at went away once more."""
    (world.work / "up").unlink()
    return await world.open_ticket(job)


async def _known_to_the_executor(world):
    """Wait until whatever was said has been looked at: each look takes less than this."""
    probe = datetime.now(UTC) + timedelta(seconds=3)
    await eventually(lambda: datetime.now(UTC) > probe)


def _forge(world, approval):
    """What anybody could write who gets at the database, but not at the secret."""
    now = datetime.now(UTC)
    forged = window(
        signer=STRANGER,
        since=now,
        by=ADA["email"],
        runbook=approval["runbook"],
        version=approval["runbook_seal"],
    )
    said = forged.model_dump(mode="json")
    world.db.standing.insert_one(
        {"_id": forged.id, "kind": "window", "until": forged.until, "said": said, "used": 0}
    )


async def _say(world, link, **said):
    """Say it, and confirm it by the code that comes by mail."""
    answer = await _post(world, link, said)
    if answer.status_code == 403:
        answer = await _post(world, link, {**said, "code": _code(world)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _post(world, link, said):
    return await world.http.post(
        f"{link}/advance", data=said, headers={"Accept": "application/json"}
    )


def _code(world):
    found = [re.search(r"\b(\d{6}) confirms", mail) for mail in _mails(world)]
    return next(match[1] for match in reversed(found) if match)


def _mails(world):
    """What is in the outbox, the newest at the end."""
    files = (world.work / "home" / "outbox").glob("*.eml")
    return [mail.read_text() for mail in sorted(files, key=lambda mail: mail.stat().st_mtime_ns)]


def _link(world, approval, person) -> str:
    link = Link.to(
        approval["_id"],
        approval["step_hash"],
        approval["expires_at"],
        recipient=person["email"],
        channel=Channel.EMAIL,
    )
    return url(link, key=Signer(SecretStr(SECRET)).link_key(), public_url=world.url("notifier", ""))
