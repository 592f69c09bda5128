"""Real SSH servers for tests: OpenSSH where it is installed, and the one that Handrail brings."""

import asyncio
import getpass
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from deploy.ports import free_port
from deploy.sshserver import Account, authorized, ssh_server
from shared.config import SshTarget
from tests.programs import program

PASSWORD = "open sesame"


@dataclass(frozen=True)
class Endpoint:
    """A running server: where it is, who may log in, and `cut`, which drops its connections."""

    host: str
    port: int
    user: str
    host_key: str
    key_file: Path
    cut: Callable[[], None]

    def section(self, **changes: Any) -> dict[str, Any]:
        """The target as a section of handrail.yaml; a change to None leaves the field out."""
        fields = {
            "connector": "ssh",
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "host_key": self.host_key,
            "key": {"file": str(self.key_file)},
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def target(self, **changes: Any) -> SshTarget:
        return SshTarget.model_validate(self.section(**changes))


@asynccontextmanager
async def openssh(folder: Path, *settings: str) -> AsyncIterator[Endpoint]:
    """OpenSSH's sshd on a free port, with a host key and one authorized key of its own."""
    program = find_sshd()
    host_key, key_file = _written_keys(folder)
    port = free_port(0)
    config = folder / "sshd_config"
    # SHLVL: a bash that sshd starts reads the .bashrc of whoever runs the tests, unless it is deep.
    config.write_text(
        # Of what is there twice, the first counts.
        "\n".join(settings)
        + f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {folder / "host_key"}
        AuthorizedKeysFile {folder / "authorized_keys"}
        PidFile none
        UsePAM no
        StrictModes no
        PermitRootLogin yes
        PasswordAuthentication yes
        KbdInteractiveAuthentication no
        LogLevel ERROR
        SetEnv SHLVL=2
        """
    )
    _make_jail()
    server = await asyncio.create_subprocess_exec(program, "-D", "-e", "-f", str(config))
    try:
        await _listening(port, server)
        yield Endpoint(
            "127.0.0.1",
            port,
            getpass.getuser(),
            _public(host_key),
            key_file,
            cut=lambda: _kill_sessions(server.pid),
        )
    finally:
        server.terminate()
        await server.wait()


@asynccontextmanager
async def own_server(folder: Path) -> AsyncIterator[Endpoint]:
    """The server that Handrail brings; it also takes a password, as the account `demo`."""
    host_key, key_file = _written_keys(folder)
    client = asyncssh.read_private_key(key_file)
    account = Account("demo", authorized_keys=authorized([client]), password=PASSWORD)
    async with ssh_server(account, host_key=host_key) as running:
        yield Endpoint(
            running.host, running.port, account.user, running.host_key, key_file, cut=running.cut
        )


def find_sshd() -> str:
    """OpenSSH's server; where it is not installed the test is skipped, in CI it fails."""
    return program("sshd", package="openssh-server")


def _make_jail() -> None:
    """Where an sshd of root's locks itself in; the package's service would have made it."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


def _written_keys(folder: Path) -> tuple[asyncssh.SSHKey, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    host_key, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    for name, key in (("host_key", host_key), ("client_key", client)):
        key.write_private_key(folder / name)
        (folder / name).chmod(0o600)
    (folder / "authorized_keys").write_text(_public(client) + "\n")
    return host_key, folder / "client_key"


def _public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


async def _listening(port: int, server: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(10):
        while server.returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.02)
    pytest.fail("sshd ended while it started")


def _kill_sessions(server: int) -> None:
    """Kill the processes that hold connections, as a crash would; not the programs in them."""
    for child in _children(server):
        for session in (*_children(child), child):
            if Path(f"/proc/{session}/comm").read_text().startswith("sshd"):
                os.kill(session, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
