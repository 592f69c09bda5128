"""All looks at once, each within its time, and none in the way of a verdict."""

import asyncio
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from services.triage.gathering import AT_ONCE, Gatherer
from services.triage.looks.answer import Answer, NoValueError
from shared.connectors.protocol import HostKeyChangedError, TargetUnreachableError
from shared.errors import SettingsError
from shared.masking import Mask
from tests.triage.evidences import look, section, unmasked
from tests.triage.test_verdict import alert

NOW = datetime(2026, 3, 1, 10, 2, 3, tzinfo=UTC)


class Ways:
    """Answers with what a test says, or raises it; a callable is awaited."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.at_once = self.most = 0

    async def look(self, look):
        self.asked.append(look)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            answer = self.answers[look.name]
            if callable(answer):
                answer = await answer()
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, Answer) else Answer(answer)
        finally:
            self.at_once -= 1


def gatherer(ways, *looks, mask=unmasked, **fields):
    return Gatherer(section(*looks, **fields), ways, mask, lambda: NOW, CollectorRegistry())


async def gathered(ways, *looks, labels=None, **fields):
    about = alert(labels=labels or {})
    one = gatherer(ways, *looks, **fields)
    return await one.gather(one.wanted(about), about)


async def never():
    await asyncio.Event().wait()


async def test_values_are_known_by_their_names_and_told_in_their_order():
    found = await gathered(Ways(a=1, b=["/"], c="x"), look("b"), look("a"), look("c"))
    assert found.values == {"a": 1, "b": ["/"], "c": "x"}
    assert [(one.name, one.found) for one in found.looked] == [("b", "/"), ("a", "1"), ("c", "x")]


@pytest.mark.parametrize(
    "error",
    [
        TargetUnreachableError("web-1 was lost", may_have_started=False),
        HostKeyChangedError("web-1 showed another key"),
        SettingsError("WEB_KEY: the secret is not set"),
        NoValueError("the result is empty"),
    ],
)
async def test_what_cannot_be_had_is_told_with_its_reason_and_stops_nothing(error):
    found = await gathered(Ways(a=error, b=2), look("a"), look("b"))
    assert found.values == {"b": 2}
    lost = found.looked[0]
    assert (lost.found, lost.problem) == (None, str(error))


async def test_an_alert_without_what_is_asked_for_is_told_and_nobody_is_asked():
    ways = Ways(a=1)
    found = await gathered(ways, look("a", run="df {{ labels.mount }}"))
    assert ways.asked == []
    assert found.looked[0].problem == "the alert has no label mount"
    assert found.looked[0].asked == "`df {{ labels.mount }}` on here"


async def test_each_look_has_its_time():
    late = look("a", uses="http", url="http://web/", timeout="50ms")
    found = await gathered(Ways(a=never, b=2), late, look("b"))
    assert found.values == {"b": 2}
    assert found.looked[0].problem == "no answer within 50ms"


async def test_all_looks_have_a_time_together():
    looks = [look(f"a{at}") for at in range(3)]
    found = await gathered(Ways(a0=never, a1=never, a2=1), *looks, within="100ms")
    assert found.values == {"a2": 1}
    told = "no answer within 100ms, which is for all looks together"
    assert [one.problem for one in found.looked] == [told, told, ""]


async def test_looks_are_made_at_once():
    both = asyncio.Barrier(2)

    async def meet():
        await both.wait()
        return 1

    found = await gathered(Ways(a=meet, b=meet), look("a"), look("b"))
    assert found.values == {"a": 1, "b": 1}


async def test_a_storm_of_alerts_is_none_of_looks():
    ways, about = Ways(), alert()

    async def briefly():
        await asyncio.sleep(0)
        return 1

    ways.answers = {"a": briefly, "b": briefly}
    one = gatherer(ways, look("a"), look("b"))
    await asyncio.gather(*(one.gather(one.wanted(about), about) for _ in range(AT_ONCE)))
    assert len(ways.asked) == 2 * AT_ONCE
    assert ways.most == AT_ONCE


async def test_who_is_told_to_stop_leaves_no_look_behind():
    ways, about = Ways(a=never), alert()
    one = gatherer(ways, look("a"))
    task = asyncio.create_task(one.gather(one.wanted(about), about))
    while not ways.at_once:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ways.at_once == 0


async def test_no_secret_is_told():
    found = await gathered(
        Ways(a=Answer("x", "with hunter22"), b=NoValueError("hunter22 is wrong")),
        look("a", run="curl {{ labels.url }}"),
        look("b"),
        labels={"url": "http://web?key=hunter22"},
        mask=Mask(["hunter22"]),
    )
    told = " ".join(one.line for one in found.looked)
    assert "hunter22" not in told
    assert told.count("•••") == 3


async def test_a_command_gets_a_moment_more_for_what_its_target_says_of_its_end():
    ended = TargetUnreachableError("no end after 50ms", may_have_started=True)

    async def slow():
        await asyncio.sleep(0.1)
        return ended

    found = await gathered(Ways(a=slow), look("a", timeout="50ms"))
    assert found.looked[0].problem == "no end after 50ms"


async def test_looks_are_counted():
    registry, about = CollectorRegistry(), alert()
    ways = Ways(a=1, b=NoValueError("none"))
    one = Gatherer(section(look("a"), look("b")), ways, unmasked, lambda: NOW, registry)
    await one.gather(one.wanted(about), about)
    for name, found in (("a", "yes"), ("b", "no")):
        labels = {"look": name, "found": found}
        assert registry.get_sample_value("handrail_evidence_looks_total", labels) == 1


async def test_what_is_told_of_a_look_is_a_line_that_a_terminal_shows_as_it_is():
    found = await gathered(Ways(a=NoValueError("a\x1b[2J\n  b")), look("a"))
    assert found.looked[0].problem == "a [2J b"


async def test_what_is_told_of_a_look_is_short():
    found = await gathered(Ways(a="x" * 5000), look("a"))
    assert found.values == {"a": "x" * 5000}
    assert len(found.looked[0].found) == 300
