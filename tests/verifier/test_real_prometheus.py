"""A real Prometheus, as Debian packages it, is asked whether a problem is gone."""

import httpx
import pytest

from services.verifier.looks.prometheus import PrometheusLook
from shared.events import PrometheusCheck
from shared.prometheus import Server
from tests.prometheus import prometheus as a_prometheus
from tests.running import until


@pytest.fixture(scope="module")
async def prometheus(tmp_path_factory):
    async with a_prometheus(tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def look(prometheus):
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        yield PrometheusLook(client, {"default": Server(prometheus)})


async def test_it_says_when_a_target_is_up(look):
    check = PrometheusCheck(query='up{job="self"} == 1')

    async def seen():
        observation = await look.look(check)
        return observation if observation.true else None

    assert 'job="self"' in (await until(seen)).detail


@pytest.mark.parametrize(
    ("query", "true", "told"),
    [
        ("vector(0)", True, "{} = 0"),
        ("vector(1) > 2", False, "the result is empty"),
        ("1", True, "the result is 1"),
        ("scalar(vector(0))", False, "the result is 0"),
        ("scalar(no_such_metric)", False, "the result is NaN"),
        ('"text"', False, "gives a string"),
        ("up[5m]", False, "gives a matrix"),
        ("up{", False, "answered 400: invalid parameter"),
    ],
)
async def test_it_answers_queries_of_every_kind(look, query, true, told):
    await until(lambda: answers(look))
    seen = await look.look(PrometheusCheck(query=query))
    assert seen.true is true
    assert told in seen.detail


async def answers(look):
    return (await look.look(PrometheusCheck(query="1"))).true
