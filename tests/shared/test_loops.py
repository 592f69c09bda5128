"""Work that is done again and again."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shared.errors import UnavailableError
from shared.loops import every


async def test_the_work_goes_on_through_an_outage_and_ends_at_any_other_error():
    outcomes = iter([None, UnavailableError("away"), UnavailableError("away"), None])

    async def work():
        match next(outcomes, "over"):
            case "over":
                raise RuntimeError("broken")
            case UnavailableError() as error:
                raise error

    with capture_logs() as logs, pytest.raises(RuntimeError, match="broken"):
        async with asyncio.timeout(5):
            await every(timedelta(0), work, name="sweep")()
    assert [(line["event"], line["loop"]) for line in logs] == [("loop.waiting", "sweep")] * 2
