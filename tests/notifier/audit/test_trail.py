"""The audit trail: every view, click and decision, and whence it came."""

import httpx
import pytest

from services.notifier.audit.desk import WitnessedDesk
from services.notifier.audit.entry import Action, Entry, Origin, complete
from services.notifier.audit.store import MongoTrail
from services.notifier.links import Channel
from shared.errors import UnavailableError
from shared.events import Answer
from tests.notifier.builders import ALICE, BOB, NOW, SIGNER, approval, decision, link
from tests.notifier.fakes import FakeTrail
from tests.notifier.test_api import APPROVE, client_of, path

PHONE = {"User-Agent": "Phone/1.0\u00a0(night)".encode("latin-1")}
FROM = "203.0.113.7"


@pytest.fixture
def trail() -> FakeTrail:
    return FakeTrail()


@pytest.fixture
async def client(approvals, clock, trail):
    async with client_of(approvals, clock, FROM, trail) as client:
        yield client


async def test_a_view_and_a_decision_are_written_down_with_who_and_whence(client, approvals, trail):
    asked = await approvals.open(approval())
    await client.get(path(asked), headers=PHONE)
    await client.post(path(asked), data=APPROVE, headers=PHONE)
    actions = [(entry.action, entry.detail) for entry in trail.entries]
    assert actions == [("viewed", ""), ("clicked", ""), ("decided", "approve")]
    for entry in trail.entries:
        assert (entry.by, entry.channel, entry.address) == (ALICE.email, "email", FROM)
        assert entry.agent == "Phone/1.0 (night)"
        assert (entry.approval_id, entry.ticket_id) == (asked.id, asked.ticket_id)


@pytest.mark.parametrize(
    ("data", "recipient", "came_to"),
    [
        (
            {"decision": "maybe"},
            (),
            ("refused", "decision: Input should be 'approve', 'reject' or 'withdraw'"),
        ),
        (APPROVE, (), ("refused", "approve: this person has answered before")),
        (APPROVE, (BOB.email,), ("refused", "approve: it is approved already")),
    ],
    ids=["not-understood", "twice", "too-late"],
)
async def test_a_click_that_does_not_count_is_written_down_too(
    client, approvals, trail, *, data, recipient, came_to
):
    asked = await approvals.open(approval())
    await client.post(path(asked), data=APPROVE)
    await client.post(path(asked, *recipient), data=data)
    assert (trail.entries[-1].action, trail.entries[-1].detail) == came_to


async def test_an_answer_in_a_chat_is_written_down_with_its_channel(approvals, clock, trail):
    asked = await approvals.open(approval())
    desk = WitnessedDesk(approvals, SIGNER, clock, trail=trail)
    await desk.answer(asked, link(asked, BOB.email, Channel.SLACK), Answer.REJECT, reason="no")
    (entry,) = trail.entries
    assert (entry.action, entry.by, entry.channel, entry.address) == (
        "decided",
        BOB.email,
        "slack",
        "",
    )


async def test_what_cannot_be_written_down_is_neither_shown_nor_decided(
    client, approvals, trail, bus
):
    asked = await approvals.open(approval())
    trail.down = True
    assert (await client.get(path(asked))).status_code == 503
    assert (await client.post(path(asked), data=APPROVE)).status_code == 503
    assert (await approvals.find(asked.id)).decisions == ()
    assert bus.events == []


async def test_a_decision_that_counted_stands_though_its_entry_is_lost(approvals, clock, trail):
    asked = await approvals.open(approval())
    desk = WitnessedDesk(approvals, SIGNER, clock, trail=trail)
    trail.down = True
    await desk.answer(asked, link(asked), Answer.APPROVE, reason="")
    assert (await approvals.find(asked.id)).state == "approved"
    with pytest.raises(UnavailableError):
        await desk.saw(Action.VIEWED, asked, link(asked), Origin())


async def test_a_wrong_link_writes_nothing(client, trail):
    await client.get("/a/nonsense")
    assert trail.entries == []


def test_no_program_writes_more_than_a_line_about_itself():
    request = httpx.Request("GET", "http://notifier/a/x", headers={"User-Agent": "y" * 500})
    assert len(Origin.of(AsAsked(request)).agent) == 200


class AsAsked:
    """As much of a server's request as is looked at."""

    def __init__(self, request) -> None:
        self.headers = request.headers
        self.client = None


async def test_entries_come_back_in_order_as_they_were_stored(db):
    kept = MongoTrail(db)
    await kept.prepare()
    asked = approval()
    entries = [
        Entry.of(
            action,
            asked,
            link(asked),
            Origin(address=FROM, agent="x"),
            at=NOW.replace(microsecond=0, second=second),
        )
        for second, action in enumerate(Action)
    ]
    for entry in reversed(entries):
        await kept.add(entry)
    assert await kept.of(asked.id) == tuple(entries)


def test_a_decision_whose_entry_a_crash_lost_is_known_from_the_question():
    asked = approval().model_copy(update={"decisions": (decision(), decision(BOB.email))})
    origin = Origin(address=FROM)
    written = Entry.of(Action.DECIDED, asked, link(asked), origin, at=NOW, detail="approve")
    by = [(entry.by, entry.address) for entry in complete(asked, (written,))]
    assert by == [(ALICE.email, FROM), (BOB.email, "")]


def test_of_a_yes_that_was_taken_back_each_part_is_known():
    back = decision(answer=Answer.WITHDRAW, reason="wrong host")
    asked = approval().model_copy(update={"decisions": (decision(), back, decision())})
    origin = Origin(address=FROM)
    written = Entry.of(Action.DECIDED, asked, link(asked), origin, at=NOW, detail="approve")
    told = [entry.detail for entry in complete(asked, (written,))]
    assert sorted(told) == ["approve", "approve", "withdraw: wrong host"]
