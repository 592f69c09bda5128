"""A real Prometheus, as Debian packages it, is asked whether a problem is gone."""

import asyncio

import httpx
import pytest

from deploy.ports import free_port
from services.verifier.looks.prometheus import PrometheusLook, Server
from shared.events import PrometheusCheck
from tests.programs import program
from tests.running import until


@pytest.fixture(scope="module")
async def prometheus(tmp_path_factory):
    """The address of a Prometheus that watches itself."""
    server = program("prometheus")
    folder, address = tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{free_port(0)}"
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        "scrape_configs:\n"
        f"  - {{job_name: self, static_configs: [{{targets: ['{address}']}}]}}\n"
    )
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            server,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            stdout=log,
            stderr=log,
        )
    yield f"http://{address}"
    process.terminate()
    await process.wait()


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
