"""Notifications that come at once are stored in one write, and each gets its own answer."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.ingest.group import GroupCommit
from services.ingest.sources.alertmanager import parse
from services.ingest.ticket import Recorded, collapsed
from services.ingest.webhook import Webhook
from shared.errors import UnavailableError
from shared.lifecycle import TicketState
from tests.flows.world import alert, notification

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def said(*jobs):
    body = json.dumps(notification(*(alert(job) for job in jobs))).encode()
    return collapsed(parse(Webhook("alertmanager", body)))


class Writes:
    """Records what is written together; writes wait until they may go on."""

    def __init__(self, *errors):
        self.groups = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._errors = list(errors)

    async def record(self, said, now):
        jobs = [one.alert.labels["job"] for one in said]
        self.groups.append(jobs)
        await self.go_on.wait()
        if "poison" in jobs:
            raise ValueError("poison")
        if self._errors:
            raise self._errors.pop(0)
        return [
            Recorded(
                ticket_id=uuid4(),
                alert=one.alert,
                opened=True,
                state=TicketState.NEW,
                count=one.fired,
                gone=False,
                created_at=now,
            )
            for one in said
        ]


async def all_at_once(group, *notifications):
    """The jobs that each notification got tickets for, or its error."""

    async def one(jobs):
        recorded = await group.record(said(*jobs), NOW)
        return [each.alert.labels["job"] for each in recorded]

    return await asyncio.gather(*(one(jobs) for jobs in notifications), return_exceptions=True)


async def test_one_alone_is_written_at_once():
    writes = Writes()
    assert await all_at_once(GroupCommit(writes), ["a"]) == [["a"]]
    assert writes.groups == [["a"]]


async def test_those_that_come_while_a_write_is_under_way_share_the_next():
    writes = Writes()
    writes.go_on.clear()
    group = GroupCommit(writes)
    first = asyncio.create_task(all_at_once(group, ["a"]))
    while not writes.groups:
        await asyncio.sleep(0)
    rest = asyncio.create_task(all_at_once(group, ["b"], ["c", "d"]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writes.go_on.set()
    assert await first == [["a"]]
    assert await rest == [["b"], ["c", "d"]]
    assert writes.groups == [["a"], ["b", "c", "d"]]


async def test_the_same_problem_twice_is_written_twice_in_its_order():
    writes = Writes()
    assert await all_at_once(GroupCommit(writes), ["a"], ["a"], ["b"]) == [["a"], ["a"], ["b"]]
    assert writes.groups == [["a"], ["a", "b"]]


async def test_a_store_that_is_away_is_told_to_all_who_wait():
    answers = await all_at_once(GroupCommit(Writes(UnavailableError("away"))), ["a"], ["b"])
    assert [type(answer) for answer in answers] == [UnavailableError, UnavailableError]


async def test_what_one_has_wrong_is_not_held_against_the_others():
    answers = await all_at_once(GroupCommit(Writes()), ["a"], ["poison"], ["b"])
    assert answers[0] == ["a"]
    assert isinstance(answers[1], ValueError)
    assert answers[2] == ["b"]


async def test_one_that_gives_up_does_not_stop_the_others():
    writes = Writes()
    writes.go_on.clear()
    group = GroupCommit(writes)
    gone = asyncio.create_task(group.record(said("a"), NOW))
    stays = asyncio.create_task(group.record(said("b"), NOW))
    while not writes.groups:
        await asyncio.sleep(0)
    gone.cancel()
    writes.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert [each.alert.labels["job"] for each in await stays] == ["b"]


async def test_after_a_failure_the_next_are_written():
    group = GroupCommit(Writes(UnavailableError("away")))
    await all_at_once(group, ["a"])
    assert await all_at_once(group, ["b"]) == [["b"]]
