"""All checks of a plan are looked at until each has passed or failed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.verifier.verification import Verification
from services.verifier.watch import Observation
from shared.events import HttpCheck
from shared.masking import Mask


class Scripted:
    """Sees what the script of each address says, the last of it for ever."""

    def __init__(self, **scripts):
        self.scripts = {name: list(script) for name, script in scripts.items()}

    async def look(self, check):
        script = self.scripts[check.url]
        true = script.pop(0) if len(script) > 1 else script[0]
        return Observation(true=true, detail=f"{check.url} sesame")


def now():
    return datetime.now(UTC)


def check(url, *, within=5, hold=0):
    return HttpCheck(url=url, within=timedelta(seconds=within), hold=timedelta(seconds=hold))


@pytest.mark.parametrize(
    ("script", "within", "hold", "passed"),
    [
        ([True], 5, 0, True),
        ([False, False, True], 5, 0, True),
        ([True], 5, 0.2, True),
        ([False], 0.2, 0, False),
        ([True, False], 0.2, 0.4, False),
    ],
)
async def test_a_check_passes_or_fails_in_the_end(script, within, hold, passed):
    verification = Verification(Scripted(a=script), str, now)
    (result,) = await verification.run([check("a", within=within, hold=hold)], now())
    assert result.passed is passed


async def test_the_results_stand_in_the_order_of_the_checks():
    verification = Verification(Scripted(a=[False, True], b=[True], c=[False]), str, now)
    checks = [check("a"), check("b"), check("c", within=0)]
    results = await verification.run(checks, now())
    assert [result.passed for result in results] == [True, True, False]
    assert [result.tries for result in results] == [2, 1, 1]


async def test_time_that_went_by_before_a_restart_counts():
    verification = Verification(Scripted(a=[False]), str, now)
    begun = now() - timedelta(minutes=10)
    (result,) = await verification.run([check("a", within=300)], begun)
    assert (result.passed, result.tries) == (False, 1)


async def test_no_secret_is_told():
    verification = Verification(Scripted(sesame=[True]), Mask(["sesame"]), now)
    (result,) = await verification.run([check("sesame")], now())
    assert "sesame" not in result.check + result.detail


async def test_a_look_that_never_ends_is_ended():
    class Endless:
        async def look(self, _check):
            await asyncio.Event().wait()

    verification = Verification(Endless(), str, now, look_most=timedelta(seconds=0.05))
    (result,) = await verification.run([check("a", within=0)], now())
    assert (result.passed, result.detail) == (False, "no whole answer within 0.05 s")
