"""The gate in front of every step."""

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from shared.errors import UnavailableError
from shared.policy.gate import Gate
from shared.policy.stop import Stop

STOP = Stop(by="ann", at=datetime(2030, 1, 2, tzinfo=UTC), reason="a move")


class FakeSwitch:
    def __init__(self, stop=None):
        self.stop = stop

    async def state(self):
        if isinstance(self.stop, Exception):
            raise self.stop
        return self.stop


def waits(gate) -> bool:
    """Whether somebody who comes now would have to wait."""
    coming = gate.passed()
    try:
        coming.send(None)
    except StopIteration:
        return False
    coming.close()
    return True


async def test_it_is_shut_until_it_is_known_that_nothing_is_stopped():
    gate = Gate(FakeSwitch())
    assert waits(gate)
    await gate.look()
    assert not waits(gate)


async def test_who_waits_goes_on_when_the_stop_is_over():
    switch = FakeSwitch(STOP)
    gate = Gate(switch)
    await gate.look()
    coming = asyncio.create_task(gate.passed())
    with capture_logs() as logs:
        switch.stop = None
        await gate.look()
    await coming
    assert [entry["event"] for entry in logs] == ["stop.ended"]


async def test_a_stop_is_told_once():
    gate = Gate(FakeSwitch(STOP))
    with capture_logs() as logs:
        await gate.look()
        await gate.look()
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("stop.began", "a move")]


@pytest.mark.parametrize("stop", [STOP, None])
async def test_while_nobody_knows_it_stays_as_it_is(stop):
    switch = FakeSwitch(stop)
    gate = Gate(switch)
    await gate.look()
    switch.stop = UnavailableError("MongoDB does not answer")
    with pytest.raises(UnavailableError):
        await gate.look()
    assert waits(gate) is (stop is not None)
