"""A real Prometheus is asked for evidence."""

import httpx
import pytest

from services.triage.looks.prometheus import PrometheusLooks
from shared.errors import HandrailError
from shared.prometheus import Server
from tests.prometheus import prometheus
from tests.running import until
from tests.triage.evidences import look, unmasked


@pytest.fixture(scope="module")
async def looks(tmp_path_factory):
    async with (
        prometheus(tmp_path_factory.mktemp("prometheus")) as url,
        httpx.AsyncClient(timeout=30, trust_env=False) as client,
    ):
        made = PrometheusLooks(client, {"default": Server(url)}, unmasked)
        await until(lambda: has_scraped(made), within=60)
        yield made


async def has_scraped(looks):
    try:
        return (await looks.look(look(uses="prometheus", query='up{job="self"}'))).value == 1
    except HandrailError:
        return False


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"query": 'up{job="self"}'}, 1),
        ({"query": 'up{job="self"}', "label": "job"}, "self"),
        ({"query": 'up{job="self"}', "all": True, "label": "job"}, ["self"]),
        ({"query": "vector(0.25)", "all": True}, [0.25]),
        ({"query": "1e9"}, 1_000_000_000),
        ({"query": 'count(up{job=~"s.*"})'}, 1),
    ],
)
async def test_it_gives_values_and_labels(looks, fields, value):
    assert (await looks.look(look(uses="prometheus", **fields))).value == value


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("vector(1) > 2", "the result is empty"),
        ("scalar(no_such_metric)", "the value is NaN"),
        ("up[5m]", "gives a matrix"),
        ('"text"', "gives a string"),
        ("up{", "it answered 400: invalid parameter"),
    ],
)
async def test_it_says_why_there_is_no_value(looks, query, reason):
    with pytest.raises(HandrailError, match=reason):
        await looks.look(look(uses="prometheus", query=query))
