"""Looks at real parts: a web server, commands, and what answers as Prometheus does."""

import asyncio
import json
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from deploy.ports import free_port
from services.verifier.looks import Looks
from services.verifier.looks.command import CommandLook
from services.verifier.looks.http import MOST, HttpLook
from services.verifier.looks.prometheus import PrometheusLook
from services.verifier.looks.sql import SqlLook
from shared.config import Config
from shared.connectors.registry import Connectors
from shared.errors import SettingsError
from shared.events import CommandCheck, HttpCheck, PrometheusCheck, SqlCheck
from shared.prometheus import Server
from tests.verifier.site import site


@pytest.fixture
async def client():
    async with httpx.AsyncClient(timeout=5, trust_env=False) as one:
        yield one


@pytest.mark.parametrize(
    ("answers", "check", "true", "told"),
    [
        ({}, {}, True, "answered 200"),
        ({"status": 503}, {}, False, "answered 503, not 200"),
        ({"status": 204, "body": b""}, {"status": 204}, True, "answered 204"),
        ({"status": 302, "headers": {"Location": "/"}}, {}, False, "answered 302, not 200"),
        ({"body": b"all is well"}, {"contains": "is well"}, True, "with “is well”"),
        ({"body": b"all is well"}, {"contains": "broken"}, False, "without “broken”"),
        ({"body": "größer".encode()}, {"contains": "größer"}, True, "with “größer”"),
        ({"body": b"\xff\xfe ok"}, {"contains": "ok"}, True, "with “ok”"),
        ({"body": b"x" * (MOST + 200_000) + b"ok"}, {"contains": "ok"}, False, "without “ok”"),
    ],
)
async def test_a_page_is_looked_at(client, answers, check, true, told):
    async with site(**answers) as page:
        seen = await HttpLook(client).look(HttpCheck(url=page.url, **check))
    assert seen.true is true
    assert told in seen.detail


async def test_a_page_that_is_not_there_is_not_true(client):
    seen = await HttpLook(client).look(HttpCheck(url=f"http://127.0.0.1:{free_port(0)}/"))
    assert not seen.true
    assert "no answer" in seen.detail


@pytest.mark.parametrize(
    "url", ["", "web-1", "ftp://web-1/", "http://[", "http://\0/", "http://:x/"]
)
async def test_an_address_that_is_none_is_not_true(client, url):
    seen = await HttpLook(client).look(HttpCheck(url=url))
    assert (seen.true, "no answer" in seen.detail) == (False, True)


def connectors(tmp_path):
    config = Config.model_validate({"targets": {"here": {"connector": "local"}}})
    return Connectors(config, tmp_path)


@pytest.mark.parametrize(
    ("run", "exit_code", "true", "told"),
    [
        ("true", 0, True, "exit code 0"),
        ("echo fine", 0, True, "exit code 0: fine"),
        ("echo broken >&2; exit 3", 0, False, "exit code 3: broken"),
        ("exit 3", 3, True, "exit code 3"),
        ("no-such-program", 0, False, "exit code 127"),
    ],
)
async def test_a_command_on_a_target_is_looked_at(tmp_path, run, exit_code, true, told):
    targets = connectors(tmp_path)
    check = CommandCheck(uses="local", target="here", run=run, exit_code=exit_code)
    seen = await CommandLook(targets).look(check)
    await targets.close()
    assert seen.true is true
    assert told in seen.detail


async def test_a_target_that_is_not_declared_is_not_true(tmp_path):
    check = CommandCheck(uses="ssh", target="elsewhere", run="true")
    seen = await CommandLook(connectors(tmp_path)).look(check)
    assert not seen.true
    assert "elsewhere" in seen.detail


async def test_a_target_whose_secret_is_missing_is_not_true():
    class Targets:
        def open(self, target):
            raise SettingsError("WEB_KEY: the secret is not set")

    seen = await CommandLook(Targets()).look(CommandCheck(uses="ssh", target="web", run="true"))
    assert (seen.true, seen.detail) == (False, "WEB_KEY: the secret is not set")


def success(kind, result):
    return {"status": "success", "data": {"resultType": kind, "result": result}}


UP = {"metric": {"__name__": "up", "job": "web"}, "value": [1435781451.781, "1"]}
DOWN = {"metric": {"job": "web"}, "value": [1435781451.781, "0"]}
HISTOGRAM = {"metric": {"job": "web"}, "histogram": [1435781451.781, {"count": "1"}]}
BAD_DATA = {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected end"}


@pytest.mark.parametrize(
    ("answer", "status", "true", "told"),
    [
        (success("vector", [UP]), 200, True, 'up{job="web"} = 1'),
        (success("vector", [DOWN]), 200, True, '{job="web"} = 0'),
        (success("vector", [HISTOGRAM]), 200, True, "a histogram"),
        (success("vector", []), 200, False, "the result is empty"),
        ({**success("vector", [UP]), "warnings": ["slow"]}, 200, True, "up"),
        (success("scalar", [1435781451.781, "1"]), 200, True, "the result is 1"),
        (success("scalar", [1435781451.781, "0"]), 200, False, "the result is 0"),
        (success("scalar", [1435781451.781, "NaN"]), 200, False, "the result is NaN"),
        (success("scalar", [1435781451.781, "+Inf"]), 200, True, "the result is +Inf"),
        (success("string", [1435781451.781, "x"]), 200, False, "gives a string"),
        (success("matrix", []), 200, False, "gives a matrix"),
        (BAD_DATA, 400, False, "answered 400: parse error"),
        ({"status": "success"}, 200, False, "no data"),
        ({"hello": "world"}, 200, False, "not as Prometheus does"),
        ([], 200, False, "not as Prometheus does"),
    ],
)
async def test_a_query_is_looked_at(client, answer, status, true, told):
    kind = "application/json"
    async with site(status=status, body=json.dumps(answer).encode(), kind=kind) as prometheus:
        look = PrometheusLook(client, {"default": Server(prometheus.url)})
        seen = await look.look(PrometheusCheck(query="up"))
    assert seen.true is true
    assert told in seen.detail


async def test_a_query_is_asked_as_prometheus_wants_it(client):
    query = 'up{job="wéb"} == 1'
    async with site() as prometheus:
        server = Server(prometheus.url + "/prefix/", SecretStr("sesame"))
        await PrometheusLook(client, {"x": server}).look(PrometheusCheck(query=query))
    head, _, form = prometheus.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /prefix/api/v1/query HTTP/1.1")
    assert "authorization: Bearer sesame" in head.replace("Authorization", "authorization")
    assert parse_qs(form) == {"query": [query]}


async def test_a_login_page_in_the_place_of_prometheus_is_not_true(client):
    async with site(status=200, body=b"<html>Log in</html>", kind="text/html") as page:
        look = PrometheusLook(client, {"default": Server(page.url)})
        seen = await look.look(PrometheusCheck(query="up"))
    assert (seen.true, seen.detail) == (False, "answered 200, not as Prometheus does")


async def test_a_prometheus_that_is_not_there_is_not_true(client):
    servers = {"default": Server(f"http://127.0.0.1:{free_port(0)}")}
    seen = await PrometheusLook(client, servers).look(PrometheusCheck(query="up"))
    assert not seen.true
    assert "no answer" in seen.detail


@pytest.mark.parametrize(
    ("names", "asked", "found"),
    [
        (["default", "eu"], None, "default"),
        (["default", "eu"], "eu", "eu"),
        (["eu"], None, "eu"),
        (["eu"], "us", None),
        ([], None, None),
    ],
)
async def test_the_server_of_a_query_is_found_by_its_name(client, names, asked, found):
    async with site(body=json.dumps(success("vector", [UP])).encode()) as prometheus:
        other = Server(f"http://127.0.0.1:{free_port(0)}")
        servers = {name: Server(prometheus.url) if name == found else other for name in names}
        look = PrometheusLook(client, servers)
        seen = await look.look(PrometheusCheck(query="up", server=asked))
    assert seen.true is (found is not None)
    assert seen.true or f"no server {asked or 'default'}" in seen.detail


async def test_each_kind_of_check_is_looked_at_in_its_way(client, tmp_path):
    targets = connectors(tmp_path)
    async with site(body=json.dumps(success("vector", [UP])).encode()) as page:
        prometheus = PrometheusLook(client, {"default": Server(page.url)})
        looks = Looks(HttpLook(client), CommandLook(targets), prometheus, SqlLook(targets))
        checks = (
            HttpCheck(url=page.url),
            CommandCheck(uses="local", target="here", run="true"),
            PrometheusCheck(query="up"),
        )
        seen = await asyncio.gather(*(looks.look(check) for check in checks))
    await targets.close()
    assert [one.detail for one in seen] == ["answered 200", "exit code 0", 'up{job="web"} = 1']


@pytest.mark.parametrize(
    ("query", "true", "told"),
    [
        ("SELECT 1", True, "1"),
        ("SELECT 0", False, "0"),
        ("SELECT 'x' WHERE 1 = 2", False, "[]"),
        ("SELECT nothing", False, "nothing"),
        ("DELETE FROM jobs", False, "only look"),
    ],
)
async def test_a_query_is_true_when_it_finds_a_row_that_is(tmp_path, query, true, told):
    (tmp_path / "x.db").touch()
    database = {"connector": "sql", "engine": "sqlite", "database": str(tmp_path / "x.db")}
    targets = Connectors(Config.model_validate({"targets": {"x": database}}), tmp_path)
    seen = await SqlLook(targets).look(SqlCheck(target="x", run=query))
    await targets.close()
    assert seen.true is true
    assert told in seen.detail
