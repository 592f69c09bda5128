"""Where requests may go, and whom a connection trusts."""

from datetime import timedelta

import pytest

from shared.connectors.http.egress import ForbiddenAddressError
from shared.connectors.http.line import StrayRedirectError
from shared.connectors.protocol import (
    TargetUnusableError,
)
from tests.connectors.http.api import api, certified
from tests.connectors.http.conftest import PURGE, job


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
