"""What belongs to SSH alone: the connection, the host key, the login."""

import asyncio
import logging
import socket
from datetime import timedelta

import asyncssh
import pytest

from shared.connectors.protocol import (
    Ended,
    HostKeyChangedError,
    LoginRefusedError,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.ssh import SshConnector
from shared.connectors.sshlink import Link
from shared.connectors.sshlogin import login_of
from tests.connectors.conftest import Heard, job, until
from tests.sshd import PASSWORD, own_server


@pytest.fixture
async def connecting(tmp_path):
    """Makes connectors to a target's section, and closes them."""
    made = []

    def make(target):
        made.append(SshConnector(Link(login_of("web", target)), base=str(tmp_path / "steps")))
        return made[-1]

    yield make
    for connector in made:
        await connector.close()


async def test_a_connection_cut_in_the_middle_changes_nothing_of_the_result(host):
    go_on, count, heard = host.scratch / "go-on", host.scratch / "count", Heard()
    sent = job(
        f"echo ran >>'{count}'; echo early; echo err >&2;"
        f" until [ -e '{go_on}' ]; do sleep 0.05; done; echo late; exit 6"
    )
    running = asyncio.create_task(host.connector().run(sent, on_output=heard))
    await until(lambda: heard.text("stdout") == "early\n")
    host.endpoint.cut()
    go_on.touch()
    assert await running == Ended(6, "early\nlate\n", "err\n", reattached=False)
    assert heard.text("stdout") == "early\nlate\n"
    assert count.read_text() == "ran\n"


async def test_one_connection_serves_more_jobs_than_the_server_allows_sessions(host):
    connector = host.connector()
    jobs = [job(f"sleep 0.3; echo {i}") for i in range(24)]
    ended = await asyncio.gather(*(connector.run(each) for each in jobs))
    assert [each.stdout for each in ended] == [f"{i}\n" for i in range(24)]


async def test_long_runs_do_not_hold_up_a_short_one(host):
    connector, go_on = host.connector(), host.scratch / "go-on"
    wait = f"until [ -e '{go_on}' ]; do sleep 0.1; done"
    long = [asyncio.create_task(connector.run(job(wait))) for _ in range(12)]
    async with asyncio.timeout(20):
        assert (await connector.run(job("echo short"))).stdout == "short\n"
    assert not any(each.done() for each in long)
    go_on.touch()
    assert {each.exit_code for each in await asyncio.gather(*long)} == {0}


async def test_a_lost_connection_is_opened_again_for_the_next_job(host):
    connector = host.connector()
    await connector.run(job("true"))
    host.endpoint.cut()
    assert (await connector.run(job("echo again"))).stdout == "again\n"


async def test_a_closed_port_is_unreachable_and_nothing_has_started(server, connecting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = server.target(port=taken.getsockname()[1])
        with pytest.raises(TargetUnreachableError, match="cannot be reached") as caught:
            await connecting(target).read("true", timeout=timedelta(seconds=0.2))
    assert caught.value.may_have_started is False


async def test_a_changed_host_key_is_told_with_both_fingerprints(server, connecting):
    pinned = asyncssh.generate_private_key("ssh-ed25519")
    target = server.target(host_key=pinned.export_public_key().decode())
    with pytest.raises(HostKeyChangedError) as caught:
        await connecting(target).run(job("true"))
    shown = asyncssh.import_public_key(server.host_key)
    assert pinned.get_fingerprint() in str(caught.value)
    assert shown.get_fingerprint() in str(caught.value)
    assert "ssh-keygen -lf" in str(caught.value)


async def test_a_host_key_of_another_kind_is_told_as_well(server, connecting):
    pinned = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    target = server.target(host_key=pinned.export_public_key().decode())
    with pytest.raises(HostKeyChangedError) as caught:
        await connecting(target).run(job("true"))
    assert asyncssh.import_public_key(server.host_key).get_fingerprint() in str(caught.value)


async def test_a_wrong_key_is_refused(server, connecting, tmp_path):
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
    target = server.target(key={"file": str(tmp_path / "other")})
    with pytest.raises(LoginRefusedError, match="does not accept this key"):
        await connecting(target).run(job("true"))


async def test_a_wrong_password_is_refused_and_not_repeated_in_the_error(
    server, connecting, monkeypatch
):
    monkeypatch.setenv("WEB_PASSWORD", "wrong horse")
    target = server.target(key=None, password={"env": "WEB_PASSWORD"})
    with pytest.raises(LoginRefusedError, match="does not accept this password") as caught:
        await connecting(target).run(job("true"))
    assert "wrong horse" not in str(caught.value)


async def test_a_password_logs_in(connecting, tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_PASSWORD", PASSWORD)
    async with own_server(tmp_path / "ssh") as server:
        connector = connecting(server.target(key=None, password={"env": "WEB_PASSWORD"}))
        assert (await connector.run(job("echo in"))).stdout == "in\n"


async def test_a_key_with_a_passphrase_logs_in(server, connecting, tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_PASSPHRASE", "correct horse")
    key = asyncssh.read_private_key(server.key_file)
    key.write_private_key(tmp_path / "locked", passphrase="correct horse", rounds=50)
    target = server.target(
        key={"file": str(tmp_path / "locked")}, passphrase={"env": "WEB_PASSPHRASE"}
    )
    assert (await connecting(target).run(job("echo in"))).stdout == "in\n"


def test_a_wrong_passphrase_names_the_setting(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_PASSPHRASE", "wrong horse")
    key = asyncssh.read_private_key(server.key_file)
    key.write_private_key(tmp_path / "locked", passphrase="correct horse", rounds=50)
    target = server.target(
        key={"file": str(tmp_path / "locked")}, passphrase={"env": "WEB_PASSPHRASE"}
    )
    with pytest.raises(TargetUnusableError, match=r"targets\.web\.key cannot be used"):
        login_of("web", target)


def test_a_host_key_that_is_none_names_the_setting(server):
    with pytest.raises(TargetUnusableError, match=r"targets\.web\.host_key is no public key"):
        login_of("web", server.target(host_key="ssh-ed25519 nonsense"))


async def test_without_a_base_claims_lie_in_the_state_directory_of_the_login(
    connecting, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    async with own_server(tmp_path / "ssh") as server:
        connector, sent = SshConnector(Link(login_of("web", server.target()))), job("echo here")
        await connector.run(sent)
        await connector.close()
    claim = tmp_path / "home/.local/state/handrail/steps" / sent.key
    assert (claim / "stdout").read_text() == "here\n"
    assert claim.stat().st_mode & 0o777 == 0o700


async def test_commands_are_not_written_to_the_log(host, caplog):
    with caplog.at_level(logging.INFO):
        await host.connector().run(job("echo correct horse"))
    assert "correct horse" not in caplog.text
