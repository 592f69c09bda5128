"""Looks on real parts: commands here and over SSH, and a web server that says what a test says."""

import gzip
import json

import httpx
import pytest

from services.triage.looks.answer import VALUE_MOST
from services.triage.looks.command import CommandLooks
from services.triage.looks.http import BODY_MOST, HttpLooks
from services.triage.looks.prometheus import PrometheusLooks
from shared.config import Config
from shared.connectors.registry import Connectors
from shared.errors import HandrailError
from shared.masking import Mask
from shared.prometheus import Server
from tests.sshd import openssh, own_server
from tests.triage.evidences import look, unmasked
from tests.verifier.site import site


@pytest.fixture
async def client():
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


# -- commands ------------------------------------------------------------------------------------


@pytest.fixture(params=["local", "own", "openssh"])
async def command(request, tmp_path):
    """Makes a look at a command: on this machine, and on two kinds of SSH servers."""
    if request.param == "local":
        async with looking(tmp_path, "local", {"connector": "local"}) as made:
            yield made
        return
    server = own_server if request.param == "own" else openssh
    async with (
        server(tmp_path / "sshd") as endpoint,
        looking(tmp_path, "ssh", endpoint.section()) as made,
    ):
        yield made


class looking:  # noqa: N801 it is used as a context manager, like a function
    """Connectors of one target, closed at the end."""

    def __init__(self, folder, uses, section, mask=unmasked):
        self.uses = uses
        self.connectors = Connectors(
            Config.model_validate({"targets": {"here": section}}), folder / "home"
        )
        self.looks = CommandLooks(self.connectors, mask)

    async def __call__(self, run, **fields):
        return await self.looks.look(look(uses=self.uses, target="here", run=run, **fields))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.connectors.close()


NUMBER = {"regex": r"(\d+)%", "type": "integer"}


@pytest.mark.parametrize(
    ("run", "output", "value"),
    [
        ("echo ' /var '", None, "/var"),
        ("printf '/ 63%%\n/var 91%%\n'", NUMBER, 63),
        ("printf '/ 63%%\n/var 91%%\n'", {"regex": r"^(/\S*)", "type": "list"}, ["/", "/var"]),
        ('echo \'{"a": [{"b": 1.5}]}\'', {"json": "a[0].b", "type": "number"}, 1.5),
        ("echo on", {"regex": ".+", "type": "boolean"}, True),
        ("echo inactive; exit 3", None, "inactive"),
    ],
)
async def test_a_value_is_found_in_what_a_command_writes(command, run, output, value):
    assert (await command(run, output=output)).value == value


@pytest.mark.parametrize(
    ("run", "output", "reason"),
    [
        ("true", None, "the answer is empty; exit code 0"),
        ("echo no such unit >&2; exit 4", None, "the answer is empty; exit code 4: no such unit"),
        ("printf 'a\nb\n'", None, "not one plain line"),
        ("echo none", NUMBER, r"regex .* finds no integer in the answer; exit code 0"),
        ("echo '{'", {"json": "a"}, "json a finds no string"),
        ("echo /etc", {"regex": ".+", "pattern": "/var.*"}, "finds no string"),
        ("printf 'a\\033[2Jb'", None, "not one plain line"),
        ("seq -s, 4000", {"regex": r"\d+", "type": "list"}, "more than|bytes|finds no list"),
    ],
)
async def test_what_is_not_there_is_told(tmp_path, run, output, reason):
    async with looking(tmp_path, "local", {"connector": "local"}) as here:
        with pytest.raises(HandrailError, match=reason):
            await here(run, output=output)


async def test_a_command_that_does_not_end_is_ended(command):
    with pytest.raises(HandrailError, match="no end after"):
        await command("echo begun; sleep 60", timeout="500ms")


async def test_a_target_that_is_not_there_is_told_with_the_reason(tmp_path):
    async with own_server(tmp_path / "sshd") as endpoint:
        section = endpoint.section(port=1)
    async with looking(tmp_path, "ssh", section) as gone:
        with pytest.raises(HandrailError, match="cannot be reached"):
            await gone("uptime", timeout="300ms")


async def test_a_target_that_is_not_declared_is_told(tmp_path):
    async with looking(tmp_path, "local", {"connector": "local"}) as here:
        with pytest.raises(HandrailError, match="no target 'there'"):
            await here.looks.look(look(target="there"))


async def test_a_target_is_reached_by_what_the_look_says(tmp_path):
    async with looking(tmp_path, "ssh", {"connector": "local"}) as here:
        with pytest.raises(HandrailError, match="reached by local, not by ssh"):
            await here("uptime")


async def test_a_value_has_no_secret_in_it(tmp_path):
    mask = Mask(["hunter22"])
    async with looking(tmp_path, "local", {"connector": "local"}, mask) as here:
        assert (await here("echo key=hunter22")).value == "key=•••"


async def test_a_value_that_is_no_fact_but_a_file_is_refused(tmp_path):
    async with looking(tmp_path, "local", {"connector": "local"}) as here:
        many = {"regex": r"\S+", "type": "list"}
        with pytest.raises(HandrailError, match=f"{VALUE_MOST} at most: take less of it"):
            await here("for i in $(seq 900); do echo some-rather-long-name-$i; done", output=many)


# -- HTTP ----------------------------------------------------------------------------------------


async def asked(client, url, mask=unmasked, **fields):
    return await HttpLooks(client, mask).look(look(uses="http", url=url, **fields))


@pytest.mark.parametrize("status", [200, 301, 404, 503])
async def test_without_a_rule_the_status_is_the_value(client, status):
    async with site(status=status, headers={"Location": "http://127.0.0.1:1/"}) as page:
        assert (await asked(client, page.url)).value == status
        (request,) = page.requests
        assert request.startswith("GET / HTTP/1.1")


async def test_a_value_is_found_in_a_body(client):
    body = json.dumps({"queue": {"length": 12}}).encode()
    async with site(body=body) as page:
        answer = await asked(client, page.url, output={"json": "queue.length", "type": "integer"})
    assert (answer.value, answer.detail) == (12, "it answered 200")


@pytest.mark.parametrize("status", [301, 404, 503])
async def test_a_body_counts_only_when_it_was_answered_well(client, status):
    headers = {"Location": "http://127.0.0.1:1/"}
    async with site(status=status, body=b"12", headers=headers) as page:
        with pytest.raises(HandrailError, match=f"it answered {status}"):
            await asked(client, page.url, output={"regex": r"\d+"})
        assert len(page.requests) == 1


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"body": b"x" * (BODY_MOST + 1)}, "longer than"),
        (
            {"body": gzip.compress(b"12"), "headers": {"Content-Encoding": "gzip"}},
            "compressed",
        ),
        ({"body": b"none"}, "finds no string"),
    ],
)
async def test_a_body_that_is_not_read_is_told(client, answers, reason):
    async with site(**answers) as page:
        with pytest.raises(HandrailError, match=reason):
            await asked(client, page.url, output={"regex": r"\d+"})


async def test_nobody_there_is_told(client):
    for output in (None, {"regex": "a"}):
        with pytest.raises(HandrailError, match="no answer: ConnectError"):
            await asked(client, "http://127.0.0.1:1/", output=output)


async def test_a_body_has_no_secret_in_it(client):
    async with site(body=b"token=hunter22") as page:
        answer = await asked(client, page.url, Mask(["hunter22"]), output={"regex": ".+"})
    assert answer.value == "token=•••"


# -- Prometheus ----------------------------------------------------------------------------------


def series(*values, **labels):
    return [
        {"metric": {"job": f"j{at}", **labels}, "value": [1.5, v]} for at, v in enumerate(values)
    ]


def said(result, kind="vector"):
    return json.dumps(
        {"status": "success", "data": {"resultType": kind, "result": result}}
    ).encode()


async def queried(client, body, *, status=200, mask=unmasked, bearer=None, **fields):
    async with site(body=body, status=status, kind="application/json") as page:
        looks = PrometheusLooks(client, {"default": Server(page.url, bearer)}, mask)
        answer = await looks.look(look(uses="prometheus", **fields))
        (request,) = page.requests
        assert request.startswith("GET /api/v1/query?query=")
        return answer


@pytest.mark.parametrize(
    ("result", "fields", "value", "detail"),
    [
        (series("63"), {}, 63, ""),
        (series("63.25"), {}, 63.25, ""),
        (series("1.5e+09"), {}, 1_500_000_000, ""),
        (series("1", "2"), {}, 1, "the first of 2 series"),
        (series("1", "2"), {"label": "job"}, "j0", "the first of 2 series"),
        (series("1", "2.5"), {"all": True}, [1, 2.5], ""),
        (series("1", "2"), {"all": True, "label": "job"}, ["j0", "j1"], ""),
    ],
)
async def test_a_value_is_taken_out_of_series(client, result, fields, value, detail):
    answer = await queried(client, said(result), **fields)
    assert (answer.value, answer.detail) == (value, detail)


@pytest.mark.parametrize(
    ("body", "status", "fields", "reason"),
    [
        (said([]), 200, {}, "the result is empty"),
        (said([]), 200, {"all": True}, "the result is empty"),
        (said(series("NaN")), 200, {}, "is NaN, which is no number"),
        (said(series("+Inf")), 200, {}, r"is \+Inf, which is no number"),
        (said(series("1"), "matrix"), 200, {}, "gives a matrix"),
        (said(series("1")), 200, {"label": "host"}, "no label host"),
        (said(series("1", job="a\nb")), 200, {"label": "job"}, "label job has a line break"),
        (said([{"metric": {}, "histogram": [1, {}]}]), 200, {}, "is a histogram"),
        (said(series(*["1"] * 1001)), 200, {"all": True}, "has 1001 series"),
        (b'{"status":"error","error":"bad query"}', 400, {}, "it answered 400: bad query"),
        (b"<html>", 502, {}, "it answered 502, not as Prometheus does"),
    ],
)
async def test_an_answer_without_a_value_is_told(client, body, status, fields, reason):
    with pytest.raises(HandrailError, match=reason):
        await queried(client, body, status=status, **fields)


async def test_a_scalar_is_a_value(client):
    assert (await queried(client, said([1.5, "7"], "scalar"))).value == 7


async def test_a_label_has_no_secret_in_it(client):
    body = said(series("1", job="hunter22"))
    assert (await queried(client, body, mask=Mask(["hunter22"]), label="job")).value == "•••"


async def test_a_server_that_is_not_there_is_told(client):
    looks = PrometheusLooks(client, {"a": Server("http://x"), "b": Server("http://y")}, unmasked)
    with pytest.raises(HandrailError, match="no server default under prometheus"):
        await looks.look(look(uses="prometheus"))
