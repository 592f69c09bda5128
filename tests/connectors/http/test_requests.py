"""Requests to a real HTTPS server: what goes out, what an answer means, what a check is."""

from datetime import timedelta

import pytest

from shared.calls.call import MalformedCallError
from shared.connectors.protocol import (
    TargetUnusableError,
)
from tests.connectors.conftest import Heard
from tests.connectors.http.conftest import PURGE, SECRET, job


async def test_a_request_goes_out_as_it_was_approved(server, connect):
    server.answers["/v1/purge?x=1&y=a+b"] = (200, {}, {"state": "ok"})
    ended = await connect().run(
        job(
            "POST",
            'path: "/purge"',
            'query: {"x": 1, "y": "a b"}',
            'headers: {"X-Reason": "too full"}',
            'json: {"key": "a b"}',
        )
    )
    assert (ended.exit_code, ended.stdout) == (0, '{"state": "ok"}')
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.body) == (
        "POST",
        "/v1/purge?x=1&y=a+b",
        b'{"key": "a b"}',
    )
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    assert asked.headers["idempotency-key"] == "session-step-1"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-reason"] == "too full"
    assert asked.headers["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize(
    ("line", "body", "kind"),
    [
        ('form: {"a": "x y", "b": true}', b"a=x+y&b=true", "application/x-www-form-urlencoded"),
        ('body: "plain ü"', "plain ü".encode(), "text/plain; charset=utf-8"),
        ("json: null", b"null", "application/json"),
    ],
)
async def test_a_body_says_what_it_is(server, connect, line, body, kind):
    server.answers["/v1/x"] = (204, {}, b"")
    ended = await connect().run(job("PUT", 'path: "/x"', line))
    assert ended.exit_code == 0
    assert (server.asked[0].body, server.asked[0].headers["content-type"]) == (body, kind)


async def test_looking_carries_no_idempotency_key(server, connect):
    server.answers["/v1/x"] = (200, {}, b"ok")
    for method in ("GET", "HEAD"):
        assert (await connect().run(job(method, 'path: "/x"'))).exit_code == 0
    assert all("idempotency-key" not in asked.headers for asked in server.asked)


STATE = {"state": "ok", "count": 3, "on": True, "items": [{"id": 7}]}


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ('{"json": {"state": "ok", "count": 3, "on": true, "items[0].id": 7}}', ""),
        ('{"json": {"count": "3", "on": "true"}}', ""),
        ('{"contains": "state"}', ""),
        ('{"status": [200, 201]}', ""),
        ('{"status": 201}', "the status is 200, expected is 201"),
        ('{"json": {"state": "bad"}}', 'state is "ok", expected is "bad"'),
        ('{"json": {"gone.deep": 1}}', "gone.deep is null, expected is 1"),
        ('{"json": {"on": 1}}', "on is true, expected is 1"),
        ('{"contains": "error"}', "“error” is not in it"),
    ],
)
async def test_an_answer_is_held_against_what_is_expected(server, connect, expect, told):
    server.answers["/v1/state"] = (200, {}, STATE)
    ended = await connect().run(job("GET", 'path: "/state"', f"expect: {expect}"))
    assert ended.exit_code == bool(told)
    assert told in ended.stderr


@pytest.mark.parametrize(
    ("status", "code"), [(200, 0), (204, 0), (301, 1), (404, 1), (429, 1), (500, 1)]
)
async def test_a_status_below_300_is_fine_where_nothing_is_expected(server, connect, status, code):
    server.answers["/v1/x"] = (status, {}, b"")
    ended = await connect().run(job("DELETE", 'path: "/x"'))
    assert ended.exit_code == code
    assert f"answered {status}" in ended.stderr


async def test_a_long_answer_keeps_both_ends_and_is_streamed(server, connect):
    server.answers["/v1/x"] = (200, {}, b"begin" + b"x" * 3_000_000 + b"end")
    heard = Heard()
    ended = await connect().run(job("GET", 'path: "/x"'), on_output=heard)
    assert ended.stdout.startswith("begin")
    assert ended.stdout.endswith("end")
    assert "bytes are left out here" in ended.stdout
    assert len(ended.stdout) < 300_000
    assert len(heard.text("stdout")) == 3_000_008


async def test_what_is_no_text_is_named(server, connect):
    server.answers["/v1/x"] = (200, {"content-type": "image/png"}, b"\x89PNG\x00\x01")
    ended = await connect().run(job("GET", 'path: "/x"'))
    assert ended.stdout == "[6 bytes that are no text]"


async def test_a_dry_run_shows_the_request_without_its_secret(server, connect):
    shown = await connect().dry_run(job(*PURGE))
    assert shown.text.startswith(f"POST {server.url()}/v1/purge\n")
    assert '{"key": "a b"}' in shown.text
    assert "authorization: •••" in shown.text
    assert SECRET not in shown.text
    assert server.asked == []


@pytest.mark.parametrize(
    "auth",
    [
        {"basic": {"username": "me", "password": {"env": "API_TOKEN"}}},
        {"header": {"name": "X-Api-Key", "value": {"env": "API_TOKEN"}}},
    ],
)
async def test_other_ways_to_show_who_it_is_stay_secret_too(server, connect, auth):
    server.answers["/v1/purge"] = (200, {}, b"")
    connector = connect(auth=auth)
    assert (await connector.run(job(*PURGE))).exit_code == 0
    sent = server.asked[0].headers
    assert sent.get("x-api-key") == SECRET or sent["authorization"].startswith("Basic ")
    shown = (await connector.dry_run(job(*PURGE))).text
    assert "•••" in shown
    assert SECRET not in shown
    assert sent.get("authorization", "Basic x").removeprefix("Basic ") not in shown.replace("x", "")


async def test_a_secret_that_is_not_there_is_named_and_nothing_is_sent(
    server, connect, monkeypatch
):
    connector = connect()
    monkeypatch.delenv("API_TOKEN")
    with pytest.raises(TargetUnusableError, match="API_TOKEN"):
        await connector.run(job(*PURGE))
    assert server.asked == []


async def test_a_check_looks_and_ends_with_0_when_its_expectation_is_met(server, connect):
    server.answers["/v1/state"] = (200, {}, {"state": "ok"})
    limit = timedelta(seconds=60)
    met = await connect().read('GET\npath: "/state"', timeout=limit)
    unmet = await connect().read(
        'GET\npath: "/state"\nexpect: {"json": {"state": "bad"}}', timeout=limit
    )
    assert (met.exit_code, unmet.exit_code) == (0, 1)


async def test_a_check_that_would_change_something_is_refused(server, connect):
    with pytest.raises(MalformedCallError, match="only looks"):
        await connect().read("\n".join(PURGE), timeout=timedelta(seconds=60))
    assert server.asked == []
