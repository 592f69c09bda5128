"""Approve with changes, over HTTP."""

import asyncio
import re
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.notifier.links import Channel, make
from shared.events import (
    Changeable,
    ChangeableField,
    ChangedValue,
    Late,
    Proposal,
    StepApproved,
    StepChange,
    StepChangeProposed,
    StepRejected,
    ValueType,
)
from shared.signing import ForgedDecisionError, Signer
from tests.notifier.builders import BOB, HASH, KEY, NOW, SIGNER, approval, link
from tests.notifier.fakes import FakeTrail
from tests.notifier.test_api import JSON, client_of

CHANGEABLE = Changeable(
    fields=(
        ChangeableField(
            name="service", about="What systemd calls it", pattern="[a-z-]+", value="shop-api"
        ),
        ChangeableField(name="text", value="<b>now</b>"),
        ChangeableField(name="mode", type=ValueType.ENUM, options=("soft", "hard"), value="soft"),
        ChangeableField(name="tries", type=ValueType.INTEGER, min=1, max=9, value="3"),
        ChangeableField(name="fast", type=ValueType.BOOLEAN, value="false"),
    ),
    texts=Late(
        templates={
            "run": "systemctl restart {{ service }} {{ text }} {{ mode }} {{ tries }} {{ fast }}",
            "rollback": "systemctl stop {{ service }}",
        },
        values={
            "service": "shop-api",
            "text": "<b>now</b>",
            "mode": "soft",
            "tries": 3,
            "fast": False,
        },
        patterned=("service", "mode", "tries", "fast"),
    ),
)
CHANGE = {"decision": "change", "value.service": "shop-db"}


def asked(**fields):
    given = {
        "command": "systemctl restart shop-api '<b>now</b>' soft 3 false",
        "changeable": CHANGEABLE,
    }
    return approval(**{**given, **fields})


@pytest.fixture
async def client(approvals, clock):
    async with client_of(approvals, clock) as client:
        yield client


def path(of, *recipient) -> str:
    return "/a/" + make(link(of, *recipient), key=KEY)


def confirm_in(page) -> str:
    return re.search(r'name="confirm" value="([0-9a-f]{32})"', page)[1]


async def sent(client, of, *recipient, **values):
    """A change that was looked at and then sent."""
    data = {"decision": "change", **{f"value.{name}": value for name, value in values.items()}}
    shown = await client.post(path(of, *recipient), data=data)
    data |= {"confirm": confirm_in(shown.text), "reason": "the other one"}
    return await client.post(path(of, *recipient), data=data)


async def test_the_page_leads_to_the_form_where_something_can_be_changed(client, approvals):
    one = await approvals.open(asked())
    assert 'href="?change"' in (await client.get(path(one))).text


async def test_without_something_to_change_there_is_no_way_to_the_form(client, approvals):
    one = await approvals.open(approval())
    assert "?change" not in (await client.get(path(one))).text
    page = await client.get(path(one) + "?change")
    assert 'value="change"' not in page.text
    answer = await client.post(path(one), data=CHANGE)
    assert answer.status_code == 422
    assert "nothing of this step can be changed" in answer.text


async def test_the_form_has_each_parameter_with_its_value_and_what_it_is(client, approvals, bus):
    one = await approvals.open(asked())
    page = (await client.get(path(one) + "?change")).text
    for shown in (
        'name="value.service" value="shop-api"',
        "What systemd calls it",
        "all of it has to match [a-z-]+",
        'name="value.text" value="&lt;b&gt;now&lt;/b&gt;"',
        'value="soft" checked',
        "A whole number, at least 1, at most 9",
        'name="value.fast" value="false" checked',
        "this step alone",
    ):
        assert shown in page
    assert "<script" not in page
    assert bus.events == []


async def test_what_it_would_be_is_shown_before_anything_is_sent(client, approvals, bus):
    one = await approvals.open(asked())
    page = await client.post(path(one), data={**CHANGE, "reason": "the <other> one"})
    for shown in (
        "Nothing is sent yet",
        "<del>shop-api</del> <ins>shop-db</ins>",
        "- systemctl restart shop-api &#39;&lt;b&gt;now&lt;/b&gt;&#39; soft 3 false",
        "+ systemctl restart shop-db &#39;&lt;b&gt;now&lt;/b&gt;&#39; soft 3 false",
        "+ systemctl stop shop-db",
        "the &lt;other&gt; one",
        "This is no yes yet",
    ):
        assert shown in page.text
    assert (page.status_code, bus.events) == (200, [])
    assert (await approvals.find(one.id)).state == "pending"


async def test_what_was_shown_is_sent_signed_by_the_person(client, approvals, bus):
    one = await approvals.open(asked())
    answer = await sent(client, one, BOB.email, service="shop-db", text="<b>now</b>")
    (said,) = bus.of(StepChangeProposed)
    assert (said.step_hash, said.approval_id) == (HASH, one.id)
    assert (said.proposal.by, said.proposal.values) == (BOB.email, {"service": "shop-db"})
    assert said.proposal.reason == "the other one"
    SIGNER.check_proposal(said.proposal, approval_id=one.id, step_hash=HASH)
    assert (await approvals.find(one.id)).state == "superseded"
    assert (answer.status_code, bus.of(StepApproved), bus.of(StepRejected)) == (303, [], [])


async def test_another_change_than_the_one_that_was_shown_is_shown_first(client, approvals, bus):
    one = await approvals.open(asked())
    shown = await client.post(path(one), data=CHANGE)
    other = {**CHANGE, "value.service": "shop-web", "confirm": confirm_in(shown.text)}
    answer = await client.post(path(one), data=other)
    assert "Nothing is sent yet" in answer.text
    assert "shop-web" in answer.text
    assert bus.events == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_a_scanner_that_follows_the_links_changes_nothing(client, approvals, bus, method):
    one = await approvals.open(asked())
    shown = await client.post(path(one), data=CHANGE)
    query = f"decision=change&value.service=shop-db&confirm={confirm_in(shown.text)}"
    for asks in ("?change", f"?{query}", f"?change&{query}"):
        await client.request(method, path(one) + asks)
    assert (await approvals.find(one.id)).state == "pending"
    assert bus.events == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        pytest.param({"service": "db; reboot"}, "pattern", id="not the pattern"),
        pytest.param({"text": "a\nb"}, "line break", id="a line break"),
        pytest.param({"text": "t" * 1001}, "1000", id="too long"),
        pytest.param({"text": "--force"}, "option", id="an option"),
        pytest.param({"host": "web-2"}, "cannot be changed", id="no parameter of it"),
        pytest.param({"mode": "brutal"}, "none of soft, hard", id="no option"),
        pytest.param({"tries": "10"}, "more than 9", id="too many"),
        pytest.param({"service": ""}, "empty", id="empty"),
        pytest.param({"service": "shop-api"}, "as it was", id="the same"),
    ],
)
async def test_what_does_not_fit_is_told_and_can_be_put_right(client, approvals, bus, values, why):
    one = await approvals.open(asked())
    data = {"decision": "change", **{f"value.{name}": value for name, value in values.items()}}
    answer = await client.post(path(one), data={**data, "reason": "because"})
    assert answer.status_code == 422
    assert why in answer.text
    assert ">because</textarea>" in answer.text
    assert bus.events == []


async def test_a_value_is_quoted_for_its_place(client, approvals):
    one = await approvals.open(asked())
    data = {"decision": "change", "values": {"text": "a'; reboot #"}}
    shown = await client.post(path(one), json=data, headers=JSON)
    command = """systemctl restart shop-api 'a'"'"'; reboot #' soft 3 false"""
    assert shown.json()["command"] == command


async def test_programs_look_and_send_in_json(client, approvals, bus):
    one = await approvals.open(asked())
    data = {"decision": "change", "values": {"tries": 5}, "reason": "more"}
    assert (await client.post(path(one), json=data, headers=JSON)).status_code == 422
    data["values"] = {"tries": "5"}
    shown = (await client.post(path(one), json=data, headers=JSON)).json()
    assert shown["outcome"] == "shown"
    assert shown["values"] == [{"name": "tries", "old": "3", "new": "5"}]
    assert bus.events == []
    answer = await client.post(path(one), json={**data, "confirm": shown["confirm"]}, headers=JSON)
    assert answer.json()["outcome"] == "recorded"
    assert answer.json()["state"] == "superseded"
    assert "signature" not in answer.text
    assert bus.of(StepChangeProposed)[0].proposal.values == {"tries": "5"}


async def test_whose_yes_would_not_count_changes_nothing(client, approvals, bus):
    one = await approvals.open(asked(who=("bob@example.org",)))
    answer = await sent(client, one, service="shop-db")
    assert answer.status_code == 403
    assert "bob@example.org" in answer.text
    assert (bus.events, (await approvals.find(one.id)).state) == ([], "pending")


async def test_who_asked_for_the_ticket_does_not_change_its_step(client, approvals, bus):
    one = await approvals.open(asked(requester=BOB.email))
    assert (await sent(client, one, BOB.email, service="shop-db")).status_code == 403
    assert bus.events == []


async def test_a_link_that_a_whole_room_saw_changes_nothing(client, approvals, bus):
    one = await approvals.open(asked())
    room = "/a/" + make(link(one, "room", Channel.ROOM), key=KEY)
    assert "?change" not in (await client.get(room)).text
    data = {"decision": "change", "values": {"service": "shop-db"}}
    shown = await client.post(room, json=data, headers=JSON)
    data["confirm"] = shown.json().get("confirm", "")
    assert (await client.post(room, json=data, headers=JSON)).status_code == 403
    assert bus.events == []


async def test_sent_twice_it_is_told_once(client, approvals, bus):
    one = await approvals.open(asked())
    await sent(client, one, service="shop-db")
    again = await client.post(path(one), data={**CHANGE, "confirm": "0" * 32})
    assert again.status_code == 409
    assert len(bus.of(StepChangeProposed)) == 1


async def test_after_somebody_answered_nothing_is_changed(client, approvals, bus):
    one = await approvals.open(asked())
    shown = await client.post(path(one), data=CHANGE)
    await client.post(path(one, BOB.email), data={"decision": "approve"})
    late = await client.post(path(one), data={**CHANGE, "confirm": confirm_in(shown.text)})
    assert late.status_code == 409
    assert bus.of(StepChangeProposed) == []


async def test_after_a_change_no_answer_to_the_old_question_counts(client, approvals, bus):
    one = await approvals.open(asked())
    await sent(client, one, service="shop-db")
    late = await client.post(path(one, BOB.email), data={"decision": "approve"})
    assert late.status_code == 409
    assert bus.of(StepApproved) == []


async def test_after_its_time_nothing_is_changed(client, approvals, bus, clock):
    one = await approvals.open(asked())
    shown = await client.post(path(one), data=CHANGE)
    clock.now = one.expires_at
    late = await client.post(path(one), data={**CHANGE, "confirm": confirm_in(shown.text)})
    assert late.status_code == 404
    assert bus.events == []


async def test_of_a_yes_a_no_and_two_changes_at_once_one_counts(client, approvals, bus):
    one = await approvals.open(asked())
    shown = await client.post(path(one), data=CHANGE)
    change = {**CHANGE, "confirm": confirm_in(shown.text)}
    answers = await asyncio.gather(
        client.post(path(one), data=change),
        client.post(path(one, BOB.email), data=change),
        client.post(path(one, "cy@example.org"), data={"decision": "approve"}),
        client.post(path(one, "di@example.org"), data={"decision": "reject", "reason": "no"}),
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[1:] == [409, 409, 409]
    assert len(bus.events) == 1


async def test_of_two_changes_at_once_one_counts(approvals, clock, bus):
    one = await approvals.open(asked())
    async with client_of(approvals, clock) as client, client_of(approvals, clock) as other:
        shown = await client.post(path(one), data=CHANGE)
        change = {**CHANGE, "confirm": confirm_in(shown.text)}
        answers = await asyncio.gather(
            *(
                each.post(path(one, f"{name}@example.org"), data=change)
                for each, name in ((client, "ann"), (other, "bob"), (client, "cy"), (other, "di"))
            )
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    (said,) = bus.of(StepChangeProposed)
    assert (await approvals.find(one.id)).proposal == said.proposal


async def test_the_old_page_waits_for_the_new_question_and_then_leads_to_it(
    client, approvals, clock
):
    one = await approvals.open(asked())
    await sent(client, one, service="shop-db")
    waiting = await client.get(path(one))
    assert "wants other values" in waiting.text
    assert 'http-equiv="refresh"' in waiting.text
    clock.now += timedelta(minutes=1)
    assert 'http-equiv="refresh"' not in (await client.get(path(one))).text
    new = await approvals.open(
        asked(
            approval_id=UUID(int=77),
            step_hash="cd" * 32,
            command="systemctl restart shop-db now",
            replaces=one.id,
            change=StepChange(
                by="alice@example.org",
                at=NOW,
                reason="the <other> one",
                values=(ChangedValue(name="service", old="shop-api", new="shop-db"),),
                before={"run": one.command},
            ),
        )
    )
    led = await client.get(path(one))
    assert (led.status_code, led.headers["location"]) == (303, path(new).removeprefix("/a/"))
    page = (await client.get(path(new))).text
    for shown in (
        "Changed by Alice",
        "the &lt;other&gt; one",
        "<del>shop-api</del> <ins>shop-db</ins>",
        "- systemctl restart shop-api",
        "+ systemctl restart shop-db now",
        'id="approve"',
    ):
        assert shown in page
    program = (await client.get(path(one), headers=JSON)).json()
    assert (program["state"], program["next"]) == ("superseded", path(new).removeprefix("/a/"))


async def test_a_refused_change_is_told_with_the_unchanged_step(client, approvals):
    change = StepChange(
        by="alice@example.org",
        at=NOW,
        values=(ChangedValue(name="service", old="", new="shop-db"),),
        refused="the policy says <no>",
    )
    one = await approvals.open(asked(change=change))
    page = (await client.get(path(one))).text
    assert "It is as it was" in page
    assert "the policy says &lt;no&gt;" in page


async def test_a_wish_is_in_the_audit_trail(approvals, clock):
    trail = FakeTrail()
    one = await approvals.open(asked())
    async with client_of(approvals, clock, trail=trail) as client:
        await sent(client, one, service="shop-db")
    told = [(entry.action, entry.detail) for entry in trail.entries]
    assert ("decided", "change service=shop-db") in told


def test_a_signature_holds_for_one_step_and_one_installation():
    wanted = Proposal(values={"service": "x"}, by=BOB.email, at=NOW, channel="email")
    said = SIGNER.signed_proposal(wanted, approval_id=UUID(int=1), step_hash=HASH)
    SIGNER.check_proposal(said, approval_id=UUID(int=1), step_hash=HASH)
    for signer, approval_id, step_hash in (
        (Signer(SecretStr("x" * 32)), UUID(int=1), HASH),
        (SIGNER, UUID(int=2), HASH),
        (SIGNER, UUID(int=1), "0" * 64),
    ):
        with pytest.raises(ForgedDecisionError):
            signer.check_proposal(said, approval_id=approval_id, step_hash=step_hash)
