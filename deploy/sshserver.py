"""A small real SSH server that runs programs, for machines that have none of their own."""

import asyncio
import hmac
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import asyncssh

_ENVIRONMENT: Final = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR")
_READ: Final = 256 * 1024


@dataclass(frozen=True)
class Account:
    """Who may log in: one user, by keys (lines as in ``authorized_keys``), a password or both."""

    user: str
    authorized_keys: tuple[str, ...] = ()
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RunningServer:
    """Where the server listens; ``host_key`` is its public key as ``handrail.yaml`` wants it."""

    host: str
    port: int
    host_key: str
    connections: set[asyncssh.SSHServerConnection]

    def cut(self) -> None:
        """Drop every connection without a word; programs that run go on."""
        for connection in tuple(self.connections):
            connection.abort()


@asynccontextmanager
async def ssh_server(
    account: Account,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    host_key: asyncssh.SSHKey | None = None,
) -> AsyncIterator[RunningServer]:
    """A server for as long as the context is open; programs run as the user that runs this.

    There is no terminal, no shell to type in, no file transfer and no forwarding. Programs outlive
    their channel, as they do under OpenSSH.
    """
    key = host_key or asyncssh.generate_private_key("ssh-ed25519")
    connections: set[asyncssh.SSHServerConnection] = set()
    programs = _Programs()
    listener = await asyncssh.listen(
        host,
        port,
        server_factory=lambda: _Server(account, connections),
        server_host_keys=[key],
        process_factory=programs.serve,
        encoding=None,
        allow_scp=False,
        config=None,
        gss_host=None,
        x509_trusted_certs=None,
    )
    public = " ".join(key.export_public_key().decode().split()[:2])
    try:
        yield RunningServer(host, listener.get_port(), public, connections)
    finally:
        listener.close()
        for connection in tuple(connections):
            connection.close()
            await connection.wait_closed()
        await programs.close()
        await listener.wait_closed()


class _Server(asyncssh.SSHServer):
    def __init__(self, account: Account, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._account = account
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncssh's signature
        if self._connection is not None:
            self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        if username == self._account.user and self._connection and self._account.authorized_keys:
            lines = "\n".join(self._account.authorized_keys)
            self._connection.set_authorized_keys(asyncssh.import_authorized_keys(lines))
        return True

    def password_auth_supported(self) -> bool:
        return self._account.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        expected = self._account.password or ""
        same = hmac.compare_digest(password.encode(), expected.encode())
        return same and bool(expected) and username == self._account.user


class _Programs:
    """The programs of all channels. A channel that is gone does not end its program."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        if process.command is None:
            process.stderr.write(b"This server runs programs only.\n")
            process.exit(1)
            return
        task = asyncio.create_task(_run(process, process.command))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def close(self) -> None:
        """End what still runs; what programs detached from themselves lives on."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _run(process: "asyncssh.SSHServerProcess[bytes]", command: str) -> None:
    """Run a program to its end, whether or not somebody still listens."""
    program = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,
    )
    feeding = asyncio.create_task(_feed(process, program))
    try:
        await asyncio.gather(
            _pump(program.stdout, process.stdout), _pump(program.stderr, process.stderr)
        )
        code = await program.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            program.kill()
        await program.wait()
        raise
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    with suppress(OSError, asyncssh.Error):
        if code < 0:
            process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
        else:
            process.exit(code)


async def _feed(
    process: "asyncssh.SSHServerProcess[bytes]", program: asyncio.subprocess.Process
) -> None:
    if program.stdin is None:
        return
    with suppress(OSError, asyncssh.Error):
        while data := await process.stdin.read(_READ):
            program.stdin.write(data)
            await program.stdin.drain()
    program.stdin.close()


async def _pump(reader: asyncio.StreamReader | None, writer: "asyncssh.SSHWriter[bytes]") -> None:
    while reader is not None and (data := await reader.read(_READ)):
        # A channel that is gone takes nothing: the program goes on all the same.
        with suppress(OSError, asyncssh.Error):
            writer.write(data)
            await writer.drain()


def authorized(keys: Sequence[asyncssh.SSHKey]) -> tuple[str, ...]:
    """Public keys as lines of ``authorized_keys``."""
    return tuple(key.export_public_key().decode().strip() for key in keys)
