"""An alert that no rule knows: several runbooks are close, and a person chooses."""

from urllib.parse import urlsplit

from deploy.services import PARTS
from tests.flows.world import alert, eventually

#: Two runbooks that say the same, for alerts that nobody sends.
CLOSE = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: NAME, title: Bring a frozen ledger back}}
description: The ledger is frozen and books nothing.
match: {{alerts: [NAMEAlert], text: ledger frozen and books nothing}}
params:
  job: {{from: labels.job, required: true, pattern: '^[a-z0-9-]+$'}}
steps:
  - id: repair
    uses: local
    target: here
    run: 'echo NAME-{{{{ job }}}} >> {work}/ran; touch {work}/up'
    risk: high
verify:
  - {{uses: local, target: here, run: 'test -e {work}/up', within: 20s}}
"""


def write_close(world, *names) -> None:
    for name in names:
        text = CLOSE.replace("NAME", name).format(work=world.work)
        (world.work / "runbooks" / f"{name}.yaml").write_text(text)


async def opened(world):
    told = alert("shop", name="LedgerFrozen")
    told["annotations"]["summary"] = "the ledger is frozen and books nothing"
    accepted = await world.post(told)
    return accepted["tickets"][0]["id"]


def choice(world, **state):
    return world.db.approvals.find_one({"kind": "choice", **state})


async def asked(world):
    return await eventually(
        lambda: choice(world, state="pending", **{"recipients.0.status": "sent"}), 60
    )


async def link(world, question):
    mails = world.work / "home" / "outbox"

    def found():
        for mail in mails.glob(f"*-{str(question['_id'])[:8]}-*.eml"):
            return world.link_in(mail)
        return None

    return await eventually(found, 40)


async def pick(world, link, name, reason=""):
    url = world.url("notifier", urlsplit(link).path)
    said = {"choose": name, "reason": reason}
    return await world.http.post(url, data=said, headers={"Accept": "application/json"})


async def ticket_of(world):
    return await eventually(lambda: world.db.tickets.find_one({}), 40)


async def test_of_two_close_runbooks_the_one_that_a_person_chose_repairs_it(world):
    write_close(world, "thaw-ledger", "melt-ledger")
    await world.start_all_but("planner")
    await opened(world)
    question = await asked(world)
    ticket_id = question["ticket_id"]
    ticket = world.ticket(ticket_id)
    assert (ticket["state"], ticket["choice"]["id"]) == ("triaged", question["_id"])
    at = await link(world, question)
    page = await world.http.get(world.url("notifier", urlsplit(at).path))
    assert "Use this one: melt-ledger" in page.text
    assert "echo thaw-ledger-shop" in page.text

    # The planner restarts while it waits, and the runbook is another one by then.
    await world.kill("planner")
    text = (world.work / "runbooks" / "thaw-ledger.yaml").read_text()
    (world.work / "runbooks" / "thaw-ledger.yaml").write_text(text.replace("echo ", "echo new-"))
    assert (await pick(world, at, "thaw-ledger")).status_code == 200
    assert (await pick(world, at, "melt-ledger")).status_code == 409
    await world.start("planner")

    await world.until_state(ticket_id, "in_progress", 60)
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved", 60)
    assert world.ran() == ["thaw-ledger-shop"]
    assert "choice" not in world.ticket(ticket_id)
    session = world.session(ticket_id)
    assert session["found_by"] == "search"
    assert session["reasons"][0] == ("oncall@example.com chose it out of melt-ledger, thaw-ledger")
    await world.timeline(
        ticket_id, "plan.choice_needed", "plan.chosen", "plan.ready", "ticket.resolved"
    )


async def test_a_question_that_nobody_answers_hands_the_ticket_to_a_person(world):
    world.extra["HANDRAIL_APPROVAL_EXPIRES"] = "3s"
    write_close(world, "thaw-ledger", "melt-ledger")
    await world.start(*PARTS)
    await opened(world)
    ticket = await ticket_of(world)
    await world.until_state(ticket["_id"], "escalated", 60)
    reason = world.ticket(ticket["_id"])["escalated"]["reason"]
    assert reason == "nobody chose in time between melt-ledger, thaw-ledger"
    assert world.ran() == []


async def test_resolved_at_its_source_nobody_has_to_choose_any_more(world):
    write_close(world, "thaw-ledger", "melt-ledger")
    await world.start(*PARTS)
    await opened(world)
    question = await asked(world)
    await world.post(alert("shop", "resolved", name="LedgerFrozen"))
    await world.until_state(question["ticket_id"], "resolved", 60)
    await eventually(lambda: choice(world, state="superseded"), 40)
    answer = await pick(world, await link(world, question), "thaw-ledger")
    assert answer.status_code == 409
    assert world.ticket(question["ticket_id"])["state"] == "resolved"
    assert world.ran() == []
