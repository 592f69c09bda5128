"""How a host is reached and who one is there: jump hosts, certificates, agents, sudo, cuts."""

import asyncio
import os
from datetime import timedelta

import asyncssh
import pytest

from shared.config import Config
from shared.connectors.protocol import (
    Ended,
    HostKeyChangedError,
    LoginRefusedError,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.registry import Connectors
from shared.connectors.ssh import SshConnector
from shared.connectors.sshlink import Link
from shared.connectors.sshlogin import login_of
from tests.connectors.conftest import Heard, job, until
from tests.connectors.tools import Network, put_sudo
from tests.programs import program
from tests.sshd import openssh

SECRET = "correct horse"


@pytest.fixture(scope="session")
async def server(tmp_path_factory):
    """One OpenSSH server, which may be passed through."""
    async with openssh(tmp_path_factory.mktemp("ways")) as endpoint:
        yield endpoint


@pytest.fixture
async def opened(tmp_path):
    """Makes connectors to a target's section, and closes them."""
    made = []

    def make(target, **arguments):
        login = login_of("web", target)
        made.append(SshConnector(Link(login, **arguments), base=str(tmp_path / "steps")))
        return made[-1]

    yield make
    for connector in made:
        await connector.close()


@pytest.fixture
async def behind(tmp_path, monkeypatch):
    """A server whose PATH begins with a folder of the test, for a sudo that is put there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = f"{folder}:{os.environ['PATH']}"
    async with openssh(tmp_path / "ssh", f"SetEnv SHLVL=2 PATH={path}") as endpoint:
        yield endpoint, folder


async def test_a_network_that_is_cut_in_the_middle_is_waited_for(server, opened, tmp_path):
    go_on, count, heard = tmp_path / "go-on", tmp_path / "count", Heard()
    async with Network(server.port).laid() as network:
        connector = opened(server.target(port=network.port))
        sent = job(
            f"echo ran >>'{count}'; echo early; until [ -e '{go_on}' ]; do sleep 0.05; done;"
            " echo late; exit 6",
            seconds=60,
        )
        running = asyncio.create_task(connector.run(sent, on_output=heard))
        await until(lambda: heard.text("stdout") == "early\n")
        network.cut()
        await until(lambda: network.refused)
        go_on.touch()
        network.mend()
        assert await running == Ended(6, "early\nlate\n", "", reattached=False)
    assert (count.read_text(), heard.text("stdout")) == ("ran\n", "early\nlate\n")


async def test_an_executor_that_takes_over_behind_a_cut_network_attaches(server, opened, tmp_path):
    async with Network(server.port).laid() as network:
        target, sent = server.target(port=network.port), job("echo out; exit 3")
        assert (await opened(target).run(sent)).exit_code == 3
        network.cut()
        attached = asyncio.create_task(opened(target).reattach(sent))
        await until(lambda: network.refused)
        network.mend()
        assert await attached == Ended(3, "out\n", "", reattached=True)


def chain(server, **changes) -> Config:
    """A host behind a host behind a host."""
    section = server.section()
    return Config.model_validate(
        {
            "targets": {
                "inner": section | {"via": "middle"} | changes,
                "middle": section | {"via": "bastion"},
                "other": section | {"via": "bastion"},
                "bastion": section,
            }
        }
    )


async def test_a_host_is_reached_through_others_which_are_shared(server, tmp_path, capsys):
    connectors = Connectors(chain(server), tmp_path)
    home = {"HOME": str(tmp_path)}
    sent = job("echo in")
    for name in ("inner", "other"):
        ended = await connectors.open(name).read(sent.command, timeout=timedelta(seconds=60))
        assert ended.stdout == "in\n", home
    assert capsys.readouterr().out.count("ssh.connected") == 4
    assert connectors.describe("inner").endswith(" through middle (ssh)")
    await connectors.close()


async def test_each_host_on_the_way_shows_its_own_key(server, tmp_path):
    pinned = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    connectors = Connectors(chain(server, host_key=pinned), tmp_path)
    with pytest.raises(HostKeyChangedError):
        await connectors.open("inner").run(job("true"))
    await connectors.close()


async def test_a_way_that_is_closed_names_the_host_that_does_not_answer(server, tmp_path):
    connectors = Connectors(chain(server, port=1), tmp_path)
    with pytest.raises(TargetUnreachableError, match=r":1 \(through .*through .*cannot be reached"):
        await connectors.open("inner").read("true", timeout=timedelta(seconds=1))
    await connectors.close()


async def test_a_host_of_known_hosts_is_let_in(server, opened, tmp_path):
    (tmp_path / "known").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    target = server.target(host_key=None, known_hosts=str(tmp_path / "known"))
    assert (await opened(target).run(job("echo in"))).stdout == "in\n"


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
async def test_a_host_with_another_key_than_in_known_hosts_is_refused(
    server, opened, tmp_path, kind
):
    other = asyncssh.generate_private_key(kind).export_public_key().decode()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{server.port} {other}\n")
    target = server.target(host_key=None, known_hosts=str(tmp_path / "known"))
    with pytest.raises(HostKeyChangedError, match="not in known_hosts"):
        await opened(target).run(job("true"))


def test_known_hosts_that_are_not_there_name_the_setting(server, tmp_path):
    target = server.target(host_key=None, known_hosts=str(tmp_path / "known"))
    with pytest.raises(TargetUnusableError, match=r"targets\.web\.known_hosts cannot be used"):
        login_of("web", target)


async def test_a_certificate_logs_in(tmp_path, opened):
    ca, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "ca.pub").write_bytes(ca.export_public_key())
    (tmp_path / "key").write_bytes(key.export_private_key())
    async with openssh(tmp_path / "ssh", f"TrustedUserCAKeys {tmp_path / 'ca.pub'}") as endpoint:
        certificate = ca.generate_user_certificate(key, "web", principals=[endpoint.user])
        (tmp_path / "key-cert.pub").write_bytes(certificate.export_certificate())
        alone = endpoint.target(key={"file": str(tmp_path / "key")})
        with pytest.raises(LoginRefusedError, match="does not accept this key"):
            await opened(alone).run(job("true"))
        signed = endpoint.target(
            key={"file": str(tmp_path / "key")},
            certificate={"file": str(tmp_path / "key-cert.pub")},
        )
        assert (await opened(signed).run(job("echo in"))).stdout == "in\n"


async def test_the_keys_of_an_agent_log_in(server, opened, tmp_path, monkeypatch):
    socket = tmp_path / "agent"
    agent = await asyncio.create_subprocess_exec(
        *(program("ssh-agent", package="openssh-client"), "-D", "-a", str(socket)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(socket.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        target = server.target(key=None, agent=True)
        with pytest.raises(LoginRefusedError, match="does not accept the agent's keys"):
            await opened(target).run(job("true"))
        adding = await asyncio.create_subprocess_exec(
            program("ssh-add", package="openssh-client"), "-q", str(server.key_file)
        )
        assert await adding.wait() == 0
        assert (await opened(target).run(job("echo in"))).stdout == "in\n"
    finally:
        agent.terminate()
        await agent.wait()


async def test_an_agent_that_does_not_answer_is_told(server, opened, tmp_path, monkeypatch):
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nothing"))
    with pytest.raises(TargetUnusableError, match="no agent answers at"):
        await opened(server.target(key=None, agent=True)).run(job("true"))


def test_an_agent_that_nobody_started_names_the_setting(server, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(TargetUnusableError, match=r"targets\.web\.agent: SSH_AUTH_SOCK is not set"):
        login_of("web", server.target(key=None, agent=True))


async def test_commands_run_as_somebody_else(behind, opened):
    server, folder = behind
    put_sudo(folder)
    connector = opened(server.target(sudo={"user": "postgres"}))
    sent = job('echo "as $SUDO_AS"; exit 4')
    assert await connector.run(sent) == Ended(4, "as postgres\n", "")
    assert await connector.reattach(sent) == Ended(4, "as postgres\n", "", reattached=True)
    read = await connector.read('echo "as $SUDO_AS"; echo no >&2', timeout=timedelta(seconds=60))
    assert (read.stdout, read.stderr) == ("as postgres\n", "no\n")
    assert await connector.cancel(sent.key)


async def test_the_password_goes_to_sudo_and_nowhere_else(
    behind, opened, tmp_path, monkeypatch, capsys
):
    server, folder = behind
    put_sudo(folder, SECRET)
    monkeypatch.setenv("SUDO_PASSWORD", SECRET)
    connector = opened(server.target(sudo={"password": {"env": "SUDO_PASSWORD"}}))
    long = "#" * 70_000
    sent, heard = job(f"cat; env; set; ps -ef; echo as $SUDO_AS\n{long}"), Heard()
    ended = await connector.run(sent, on_output=heard)
    assert ended.stdout.endswith("as root\n")
    (folder / "password").unlink()
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    shown = [ended.stdout, ended.stderr, repr(connector._link.login), capsys.readouterr().out]
    assert not [text for text in (*written, *shown) if SECRET in text]


async def test_a_password_that_sudo_does_not_ask_for_is_not_sent(behind, opened, monkeypatch):
    server, folder = behind
    put_sudo(folder)
    monkeypatch.setenv("SUDO_PASSWORD", SECRET)
    connector = opened(server.target(sudo={"password": {"env": "SUDO_PASSWORD"}}))
    # A long command is read from where the password would have been.
    ended = await connector.run(job("echo whole\n" + "#" * 70_000))
    assert (ended.stdout, ended.exit_code) == ("whole\n", 0)


async def test_a_wrong_password_of_sudo_is_tried_once_and_told(behind, opened, monkeypatch):
    server, folder = behind
    put_sudo(folder, SECRET)
    monkeypatch.setenv("SUDO_PASSWORD", "wrong battery")
    connector = opened(server.target(sudo={"password": {"env": "SUDO_PASSWORD"}}))
    with pytest.raises(LoginRefusedError, match="does not accept the password") as caught:
        await connector.run(job("echo ran"))
    assert "wrong battery" not in str(caught.value)
    assert (folder / "tries").read_text() == "1\n"


async def test_a_sudo_that_wants_a_password_is_told(behind, opened):
    server, folder = behind
    put_sudo(folder, SECRET)
    with pytest.raises(LoginRefusedError, match=r"give sudo\.password in handrail\.yaml"):
        # A long command is only sent once it may run.
        await opened(server.target(sudo=True)).run(job("echo ran\n" + "#" * 70_000))


async def test_a_host_without_sudo_is_told(behind, opened):
    server, folder = behind
    (folder / "sudo").write_text("#!/bin/sh\necho 'sudo: no such user' >&2\nexit 1\n")
    (folder / "sudo").chmod(0o755)
    with pytest.raises(TargetUnusableError, match="runs nothing as root: sudo: no such user"):
        await opened(server.target(sudo=True)).run(job("echo ran"))
