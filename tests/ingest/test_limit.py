"""A source that has a limit is held to it, and told when to come again."""

import pytest
from pydantic import ValidationError

from services.ingest.api import Source
from services.ingest.app import build
from services.ingest.auth import Bearer
from services.ingest.door import Door
from services.ingest.limit import Bucket, OverLimit
from services.ingest.signature import Signature, scheme_of
from services.ingest.sources import SOURCES
from shared.config import Config, HmacAuth
from shared.config.limits import AlertLimit
from tests.ingest.payloads import body, fired
from tests.ingest.test_api import Ingest
from tests.running import running


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds


def bucket(alerts, per, burst=None):
    clock = Clock()
    limit = AlertLimit.model_validate({"alerts": alerts, "per": per, "burst": burst})
    return Bucket(limit, clock), clock


def sends(one, alerts):
    """Whether a notification with so many alerts is accepted: 0, or the seconds to wait."""
    try:
        one.look()
        one.take_body()
        one.take_alerts(alerts)
    except OverLimit as limit:
        return limit.seconds
    return 0


# A limit, then what is sent: (seconds later, alerts, 0 or after how many seconds to come again).
STREAMS = {
    "as many as one span has": (("10", "10s"), [(0, 10, 0), (0, 1, 1)]),
    "a rate is kept": (("10", "10s"), [(0, 10, 0), (1, 1, 0), (0, 1, 1), (1, 1, 0)]),
    "a burst of its own": (("10", "10s", "2"), [(0, 1, 0), (0, 1, 0), (0, 1, 1), (9, 2, 0)]),
    "a full bucket is not fuller": (("10", "10s"), [(600, 10, 0), (0, 1, 1)]),
    "more than it can hold": (("10", "10s"), [(0, 1_000, 0), (0, 1, 991), (991, 1, 0)]),
    "more than it can hold, not full": (("10", "10s"), [(0, 3, 0), (0, 50, 4), (4, 50, 0)]),
    "exactly all of it": (("10", "10s"), [(0, 1, 0), (0, 10, 2), (2, 10, 0)]),
    "bodies without an alert": (("2", "10s"), [(0, 0, 0), (0, 0, 0), (0, 0, 5)]),
    "a slow one": (("1", "1h"), [(0, 1, 0), (0, 1, 3_600), (3_599, 1, 1), (1, 1, 0)]),
    "one at a time, and many in it": (("1", "1s"), [(0, 5, 0), (0, 1, 5), (5, 1, 0)]),
}


@pytest.mark.parametrize(("limit", "stream"), STREAMS.values(), ids=STREAMS)
def test_a_limit_counts_alerts(limit, stream):
    alerts, per, *burst = limit
    one, clock = bucket(int(alerts), per, int(burst[0]) if burst else None)
    answers = []
    for later, number, _ in stream:
        clock.seconds += later
        answers.append(sends(one, number))
    assert answers == [answer for _, _, answer in stream]


def test_without_a_limit_there_is_none():
    one = Bucket()
    assert {sends(one, 10_000) for _ in range(1_000)} == {0}


def test_what_could_not_be_kept_is_not_counted():
    one, _ = bucket(10, "10s")
    for _ in range(50):
        assert sends(one, 10) == 0
        one.give_back(10)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"alerts": 0, "per": "1m"}, "greater than or equal to 1"),
        ({"alerts": 10, "per": "0s"}, "longer than nothing"),
        ({"alerts": 10, "per": 60}, "60s, 5m, 2h"),
        ({"per": "1m"}, "alerts"),
        ({"alerts": 10, "per": "1m", "burst": 0}, "greater than or equal to 1"),
        ({"alerts": 10, "for": "1m"}, "for"),
    ],
)
def test_a_limit_that_makes_no_sense_is_told_when_it_is_read(written, told):
    source = {"bearer": {"env": "X"}, "limit": written}
    with pytest.raises(ValidationError, match=told):
        Config.model_validate({"sources": {"am": source}})


class Limited(Ingest):
    """The routes over fakes, with a source that has a limit."""

    def __init__(self, door=None):
        super().__init__()
        self.bucket, self.clock = bucket(10, "10s")
        self.sources["alertmanager"] = Source(
            "alertmanager",
            SOURCES["alertmanager"],
            door or Door((Bearer("sesame"),)),
            bucket=self.bucket,
        )


@pytest.fixture
async def limited():
    one = Limited()
    async with one.http:
        yield one


async def test_over_the_limit_it_is_said_which_one_and_when_to_come_again(limited):
    assert (await limited.post(body(fired(), fired(instance="b")))).status_code == 202
    answer = await limited.post(body(*(fired(instance=str(n)) for n in range(10))))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert answer.json()["limit"] == {"alerts": 10, "per_seconds": 10.0, "burst": 10}
    for told in ("10 alerts in 10 s", "nothing of this was accepted", "in 3 s"):
        assert told in answer.json()["error"]
    assert len(limited.tickets.open) == 2
    refused = {"source": "alertmanager", "code": "429", "reason": "limit"}
    assert limited.counted("handrail_webhooks_refused_total", **refused) == 1


async def test_after_the_seconds_that_were_said_the_same_is_accepted(limited):
    content = body(*(fired(instance=str(n)) for n in range(10)))
    await limited.post(body(fired()))
    answer = await limited.post(content)
    limited.clock.seconds += int(answer.headers["Retry-After"])
    assert (await limited.post(content)).status_code == 202


async def test_one_whose_body_was_not_read_yet_is_told_more_the_second_time(limited):
    content = body(*(fired(instance=str(n)) for n in range(10)))
    await limited.post(content)
    waited = []
    while (answer := await limited.post(content)).status_code == 429:
        waited.append(int(answer.headers["Retry-After"]))
        limited.clock.seconds += waited[-1]
    assert waited == [1, 10]


async def test_over_the_limit_the_body_is_not_even_read(limited):
    await limited.post(body(*(fired(instance=str(n)) for n in range(10))))
    read = []

    async def parts():
        read.append(1)
        yield b"{"

    assert (await limited.post(parts())).status_code == 429
    assert read == []


async def test_the_limit_of_one_source_is_none_of_another(limited):
    await limited.post(body(*(fired(instance=str(n)) for n in range(100))))
    assert (await limited.post(body(fired()))).status_code == 429
    basic = {"Authorization": "Basic YW06c2VzYW1l"}
    assert (await limited.post(body(fired()), headers=basic, source="basic")).status_code == 202


async def test_what_the_store_could_not_take_costs_nothing(limited):
    limited.tickets.down = True
    for _ in range(20):
        assert (await limited.post(body(fired()))).status_code == 503
    limited.tickets.down = False
    assert (await limited.post(body(fired()))).status_code == 202


async def test_strangers_do_not_use_up_what_a_source_may_send():
    style = scheme_of(HmacAuth.model_validate({"secret": {"env": "X"}, "style": "github"}))
    one = Limited(Door(signature=Signature(style, (b"sesame",))))
    async with one.http:
        for _ in range(50):
            assert (await one.post(body(fired()), headers={})).status_code == 401
    assert sends(one.bucket, 10) == 0


async def test_bodies_that_nobody_understands_are_counted(limited):
    answers = [(await limited.post(b"{")).status_code for _ in range(12)]
    assert answers == [400] * 10 + [429] * 2


async def test_programs_that_ask_for_tickets_are_held_to_a_limit_too(
    stack, db, settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("PEOPLE_TOKEN", "people")
    (tmp_path / "handrail.yaml").write_text(
        "sources: {api: {bearer: {env: PEOPLE_TOKEN}, limit: {alerts: 2, per: 1h}}}"
    )
    service = build(settings(stack, db.name))
    async with running(service) as client:
        client.headers = {"Authorization": "Bearer people"}
        answers = [await client.post("/tickets", json={"title": str(n)}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[2].headers["Retry-After"]) > 1_000
    assert await db.tickets.count_documents({}) == 2
