"""Looks at one check, and what is known after each."""

from datetime import UTC, datetime, timedelta

import pytest

from services.verifier.watch import (
    LONGEST_PAUSE,
    LOOK_TIME,
    SHORTEST_PAUSE,
    Observation,
    Standing,
    Watch,
    described,
)
from shared.events import CommandCheck, HttpCheck, PrometheusCheck

SINCE = datetime(2026, 3, 1, 10, tzinfo=UTC)
OPEN, PASSED, FAILED = Standing.OPEN, Standing.PASSED, Standing.FAILED
YES, NO = True, False


def seconds(number):
    return timedelta(seconds=number)


def watched(looks, *, within=60, hold=0):
    watch = Watch(SINCE, seconds(within), seconds(hold))
    for at, true in looks:
        watch = watch.saw(Observation(true=true, detail=f"at {at}"), SINCE + seconds(at))
    return watch


@pytest.mark.parametrize(
    ("looks", "hold", "standing"),
    [
        ([], 0, OPEN),
        ([(0, YES)], 0, PASSED),
        ([(0, NO)], 0, OPEN),
        ([(0, NO), (30, YES)], 0, PASSED),
        ([(0, NO), (59, NO)], 0, OPEN),
        ([(0, NO), (60, NO)], 0, FAILED),
        ([(0, NO), (60, YES)], 0, PASSED),
        ([(0, NO), (61, YES)], 0, PASSED),
        ([(0, NO), (63, YES)], 0, FAILED),
        ([(0, YES)], 30, OPEN),
        ([(0, YES), (29, YES)], 30, OPEN),
        ([(0, YES), (30, YES)], 30, PASSED),
        ([(0, YES), (29, NO), (30, YES)], 30, OPEN),
        ([(0, YES), (29, NO), (30, YES), (59, YES)], 30, OPEN),
        ([(0, YES), (29, NO), (30, YES), (60, YES)], 30, PASSED),
        ([(0, NO), (50, YES), (70, YES)], 30, OPEN),
        ([(0, NO), (50, YES), (80, YES)], 30, PASSED),
        ([(0, NO), (50, YES), (70, NO)], 30, FAILED),
        ([(0, NO), (50, YES), (59, NO), (70, YES)], 30, FAILED),
        ([(600, YES)], 0, PASSED),
        ([(600, NO)], 0, FAILED),
        ([(600, YES), (630, YES)], 30, PASSED),
        ([(600, YES), (620, NO)], 30, FAILED),
    ],
)
def test_a_check_stands_as_its_looks_say(looks, hold, standing):
    assert watched(looks, hold=hold).standing() is standing


def test_a_check_without_time_is_looked_at_once():
    assert watched([(0.1, YES)], within=0).standing() is PASSED
    assert watched([(0.1, NO)], within=0).standing() is FAILED


def test_after_a_restart_the_time_runs_on_and_the_hold_begins_anew():
    again = watched([(50, YES)], hold=30)
    assert again.standing() is OPEN
    assert again.saw(Observation(true=True, detail=""), SINCE + seconds(80)).standing() is PASSED
    assert watched([(50, NO), (60, NO)]).standing() is FAILED


def test_pauses_grow_to_a_limit():
    pauses = [watched([(0, NO)] * tries, within=3600).pause() for tries in range(1, 12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (seconds(0.5), LONGEST_PAUSE)


@pytest.mark.parametrize(
    ("looks", "hold", "pause"),
    [
        ([(0, NO)] * 9 + [(58, NO)], 0, seconds(2)),
        ([(0, NO)] * 9 + [(59.999, NO)], 0, SHORTEST_PAUSE),
        ([(0, YES)] * 9 + [(29, YES)], 30, seconds(1)),
        ([(0, NO)] * 9 + [(55, YES)], 30, LONGEST_PAUSE),
    ],
    ids=["before the end", "at the end", "before the hold is over", "the hold goes past the end"],
)
def test_a_pause_does_not_go_past_an_end(looks, hold, pause):
    assert watched(looks, hold=hold).pause() == pause


def test_a_last_look_may_take_a_moment():
    late = 60 + LOOK_TIME.total_seconds()
    assert watched([(0, NO), (late, YES)]).standing() is PASSED


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (HttpCheck(url="http://web/health"), "GET http://web/health answers 200"),
        (
            HttpCheck(url="http://web:80/a@b", status=204, contains="ok"),
            "GET http://web:80/a@b answers 204 with “ok” in it",
        ),
        (HttpCheck(url="https://me:pass@web/"), "GET https://web/ answers 200"),
        (HttpCheck(url="https://me:pass@web?a=b@c"), "GET https://web?a=b@c answers 200"),
        (
            CommandCheck(uses="ssh", target="web-1", run="true", exit_code=3),
            "`true` on web-1 ends with 3",
        ),
        (PrometheusCheck(query="up == 1"), "prometheus: up == 1"),
    ],
)
def test_a_check_is_described_without_passwords(check, text):
    assert described(check) == text
