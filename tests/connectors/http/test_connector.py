"""Requests to a real HTTPS server: what goes out, what an answer means, what is never repeated."""

import asyncio
from datetime import timedelta

import pytest

from shared.calls.call import MalformedCallError
from shared.config.targets.http import HttpTarget
from shared.connectors.http import HttpConnector
from shared.connectors.http.egress import ForbiddenAddressError
from shared.connectors.http.line import StrayRedirectError
from shared.connectors.protocol import (
    Ended,
    Job,
    Lost,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.lifecycle import Effect
from tests.connectors.conftest import Heard
from tests.connectors.http.api import api, certified

SECRET = "tok-5ecret-canary"


@pytest.fixture
async def server(tmp_path):
    async with api(tmp_path / "api") as one:
        yield one


@pytest.fixture
async def connect(server, monkeypatch):
    """Makes connectors to the server, by its name, as another executor would have its own."""
    monkeypatch.setenv("API_TOKEN", SECRET)
    made = []

    def connector(resolve=None, **fields):
        given = {
            "connector": "http",
            "url": server.url() + "/v1",
            "auth": {"bearer": {"env": "API_TOKEN"}},
            "tls": {"ca": server.ca},
            "allow_private": True,
            **fields,
        }
        made.append(HttpConnector(HttpTarget.model_validate(given), resolve=resolve))
        return made[-1]

    yield connector
    for one in made:
        await one.close()


def job(*lines, key="session-step-1", effect=Effect.ONCE, seconds=60.0):
    return Job(key, "\n".join(lines), timedelta(seconds=seconds), effect=effect)


PURGE = ("POST", 'path: "/purge"', 'json: {"key": "a b"}')


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


# -- once ------------------------------------------------------------------------------------------


@pytest.fixture
def vanish(server):
    """The server takes the request in and goes away without an answer."""

    async def gone():
        return None

    server.answers["/v1/purge"] = gone
    return server


async def test_a_request_whose_answer_is_lost_is_lost_and_not_repeated(vanish, connect):
    outcome = await connect().run(job(*PURGE))
    assert isinstance(outcome, Lost)
    assert "not known" in outcome.reason
    assert len(vanish.asked) == 1


async def test_one_that_nobody_answers_in_time_is_lost(server, connect):
    asked, done = asyncio.Event(), asyncio.Event()

    async def hang():
        asked.set()
        await done.wait()

    server.answers["/v1/purge"] = hang
    outcome = await connect().run(job(*PURGE, seconds=3))
    done.set()
    assert asked.is_set()
    assert isinstance(outcome, Lost)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("lines", "effect"),
    [
        (("GET", 'path: "/purge"'), Effect.ONCE),
        (PURGE, Effect.IDEMPOTENT),
        (PURGE, Effect.READ_ONLY),
    ],
)
async def test_what_may_be_repeated_is(server, connect, lines, effect):
    tries = iter([None, None, (200, {}, b"done")])

    async def third_time():
        return next(tries)

    server.answers["/v1/purge"] = third_time
    ended = await connect().run(job(*lines, effect=effect))
    assert (ended.exit_code, ended.stdout) == (0, "done")
    assert len(server.asked) == 3
    assert len({asked.headers.get("idempotency-key") for asked in server.asked}) == 1


async def test_a_host_that_takes_no_connection_certainly_did_nothing(connect):
    connector = connect(url="https://localhost:1/")
    with pytest.raises(TargetUnreachableError) as error:
        await connector.run(job(*PURGE, seconds=1))
    assert error.value.may_have_started is False
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("lines", "effect", "known"),
    [
        (PURGE, Effect.ONCE, False),
        (PURGE, Effect.IDEMPOTENT, True),
        (PURGE, Effect.CHECK_THEN_ACT, True),
        (("GET", 'path: "/x"'), Effect.ONCE, True),
    ],
)
async def test_after_its_owner_died_only_once_is_not_asked_again(connect, lines, effect, known):
    outcome = await connect().reattach(job(*lines, effect=effect))
    assert outcome is None if known else isinstance(outcome, Lost)


async def test_what_was_sent_cannot_be_cancelled(server, connect):
    asked, done = asyncio.Event(), asyncio.Event()

    async def hang():
        asked.set()
        await done.wait()
        return 200, {}, b"done"

    server.answers["/v1/purge"] = hang
    connector = connect()
    running = asyncio.create_task(connector.run(job(*PURGE)))
    await asked.wait()
    assert await connector.cancel("session-step-1") is False
    done.set()
    assert (await running).exit_code == 0


async def test_what_was_not_sent_is_cancelled_and_never_sent(server, connect):
    resolving = asyncio.Event()

    async def slow(host, port):
        resolving.set()
        await asyncio.Event().wait()

    connector = connect(resolve=slow)
    running = asyncio.create_task(connector.run(job(*PURGE)))
    await resolving.wait()
    assert await connector.cancel("session-step-1") is True
    ended = await running
    assert isinstance(ended, Ended)
    assert ended.cancelled
    assert (await connector.run(job(*PURGE))).cancelled
    assert server.asked == []


async def test_one_that_finds_nobody_is_sent_when_somebody_is_there(server, connect):
    tries = []

    async def third_time(host, port):
        tries.append(host)
        return ["127.0.0.9"] if len(tries) < 3 else ["127.0.0.1"]

    server.answers["/v1/purge"] = (200, {}, b"")
    assert (await connect(resolve=third_time).run(job(*PURGE))).exit_code == 0
    assert len(server.asked) == 1


# -- where it goes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "fd00:ec2::254"),
        *("100.100.100.200", "224.0.0.1", "255.255.255.255", "64:ff9b::7f00:1"),
    ],
)
async def test_a_name_that_leads_inside_is_refused(server, connect, address):
    async def leads(host, port):
        return ["203.0.113.9", address]

    connector = connect(resolve=leads, allow_private=False)
    with pytest.raises(ForbiddenAddressError, match="allow_private"):
        await connector.run(job(*PURGE))
    assert server.asked == []


async def test_an_address_that_the_target_names_is_meant(server, connect):
    server.answers["/v1/purge"] = (200, {}, b"")
    connector = connect(url=server.url("127.0.0.1") + "/v1", allow_private=False)
    assert (await connector.run(job(*PURGE))).exit_code == 0


async def test_the_connection_goes_to_the_address_that_was_checked(tmp_path, connect):
    """The name has no address but the one that was checked: whoever looked again had none."""
    looks = []

    async def once(host, port):
        looks.append(host)
        return ["127.0.0.1"]

    async with api(tmp_path / "named", name="rebinding.invalid") as named:
        named.answers["/purge"] = (200, {}, b"")
        connector = connect(url=named.url("rebinding.invalid"), tls={"ca": named.ca}, resolve=once)
        assert (await connector.run(job(*PURGE))).exit_code == 0
        assert named.asked[0].headers["host"] == f"rebinding.invalid:{named.port}"
    assert looks == ["rebinding.invalid"]


async def test_another_address_is_tried_where_one_takes_no_connection(server, connect):
    async def two(host, port):
        return ["127.0.0.9", "127.0.0.1"]

    server.answers["/v1/purge"] = (200, {}, b"")
    assert (await connect(resolve=two).run(job(*PURGE))).exit_code == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_the_api_is_followed_by_what_only_looks(server, connect, status):
    server.answers["/v1/old"] = (status, {"location": "/v1/new"}, b"")
    server.answers["/v1/new"] = (200, {}, b"new")
    assert (await connect().run(job("GET", 'path: "/old"'))).stdout == "new"
    ended = await connect().run(job("POST", 'path: "/old"'))
    assert ended.exit_code == 1
    assert [asked.method for asked in server.asked] == ["GET", "GET", "POST"]


@pytest.mark.parametrize(
    "location",
    ["https://evil.example/", "http://localhost/", "//evil.example/x", "https://localhost:1/"],
)
async def test_a_redirect_to_elsewhere_is_refused(server, connect, location):
    server.answers["/v1/old"] = (302, {"location": location}, b"")
    with pytest.raises(StrayRedirectError):
        await connect().run(job("GET", 'path: "/old"'))
    assert len(server.asked) == 1


async def test_a_circle_of_redirects_ends(server, connect):
    server.answers["/v1/a"] = (302, {"location": "/v1/a"}, b"")
    with pytest.raises(StrayRedirectError, match="more than 5"):
        await connect().run(job("GET", 'path: "/a"'))


async def test_a_proxy_of_the_environment_is_not_used(server, connect, monkeypatch):
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.answers["/v1/purge"] = (200, {}, b"")
    assert (await connect().run(job(*PURGE))).exit_code == 0


# -- TLS -------------------------------------------------------------------------------------------


async def test_a_certificate_that_nobody_vouches_for_is_refused(server, connect):
    connector = connect(tls=None)
    with pytest.raises(TargetUnusableError, match="certificate verify failed"):
        await connector.run(job(*PURGE))
    assert server.asked == []


async def test_a_certificate_for_another_name_is_refused(server, connect):
    async def here(host, port):
        return ["127.0.0.1"]

    connector = connect(url=f"https://other.example:{server.port}", resolve=here)
    with pytest.raises(TargetUnusableError, match=r"other\.example"):
        await connector.run(job(*PURGE))
    assert server.asked == []


async def test_a_server_may_ask_for_a_certificate(tmp_path, connect):
    certificate, key = certified(tmp_path / "client", "localhost")
    async with api(tmp_path / "strict", client_ca=certificate) as strict:
        strict.answers["/purge"] = (200, {}, b"")
        tls = {"ca": strict.ca, "certificate": certificate, "key": key}
        assert (await connect(url=strict.url(), tls=tls).run(job(*PURGE))).exit_code == 0
        without = connect(url=strict.url(), tls={"ca": strict.ca})
        looked = await without.read('GET\npath: "/purge"', timeout=timedelta(seconds=2))
        assert looked.timed_out
        assert len(strict.asked) == 1


async def test_a_file_that_is_not_there_is_named(connect, tmp_path):
    with pytest.raises(TargetUnusableError, match="certificates"):
        await connect(tls={"ca": tmp_path / "gone.pem"}).run(job(*PURGE))


# -- reading ---------------------------------------------------------------------------------------


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
