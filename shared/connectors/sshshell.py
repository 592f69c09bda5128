"""Programs on an SSH server, each in a channel of the kept connection."""

import asyncio
import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncssh

from shared.connectors.protocol import TargetUnreachableError, TargetUnusableError
from shared.connectors.shell import Output
from shared.connectors.sshlink import Link
from shared.connectors.sshsudo import Dialogue, as_other
from shared.connectors.transcript import Capped

# OpenSSH allows ten sessions on a connection unless MaxSessions says otherwise.
SESSIONS: Final = 9
# A session that waits is given back after this, the sooner the fewer are left.
PATIENCE: Final = timedelta(seconds=10)
PATIENCE_CROWDED: Final = timedelta(seconds=1)


class SshShell:
    """See ``Shell``; more programs than the server allows sessions wait for their turn."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._slots = asyncio.Semaphore(SESSIONS)
        self._busy = 0

    @property
    def patience(self) -> timedelta | None:
        return PATIENCE if self._busy < SESSIONS // 2 else PATIENCE_CROWDED

    async def __call__(self, argv: Sequence[str], *, kept: int, stdin: bytes = b"") -> Output:
        async with self._slots:
            self._busy += 1
            try:
                return await self._execute(argv, kept, stdin)
            finally:
                self._busy -= 1

    async def _execute(self, argv: Sequence[str], kept: int, stdin: bytes) -> Output:
        login = self._link.login
        sudo = None if login.sudo is None else Dialogue(login, login.sudo)
        if login.sudo is not None:
            argv = as_other(argv, login.sudo)
        channel, session = await self._opened(f"exec {shlex.join(argv)}", kept, sudo)
        try:
            if sudo is not None and not await sudo.over:
                await session.closed
                raise sudo.refusal()
            if stdin:
                channel.write(stdin)
                channel.write_eof()
            await session.closed
        except (OSError, asyncssh.Error) as error:
            raise self._cut(error, may_have_started=True) from error
        finally:
            channel.close()
        return Output(session.stdout, session.stderr, session.exit_code)

    async def _opened(
        self, command: str, kept: int, sudo: Dialogue | None
    ) -> "tuple[asyncssh.SSHClientChannel[bytes], _Program]":
        connection = await self._link.connection()
        session = _Program(kept, sudo)
        try:
            channel, _ = await connection.create_session(lambda: session, command, encoding=None)
        except asyncssh.ChannelOpenError as error:
            if session.is_open and not connection.is_closed():
                reason = f"{self._link.login} opens a session and refuses to run programs in it"
                raise TargetUnusableError(reason) from error
            raise self._cut(error, may_have_started=session.is_open) from error
        except (OSError, asyncssh.Error) as error:
            raise self._cut(error, may_have_started=session.is_open) from error
        return channel, session

    def _cut(self, error: Exception, *, may_have_started: bool) -> TargetUnreachableError:
        reason = f"{self._link.login} was lost: {error}"
        return TargetUnreachableError(reason, may_have_started=may_have_started)


class _Program(asyncssh.SSHClientSession[bytes]):
    """One program's channel: what came, and a future that is done when all of it has come."""

    def __init__(self, kept: int, sudo: Dialogue | None) -> None:
        self._sudo = sudo
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self.is_open = False
        self.stdout = Capped(kept)
        self.stderr = Capped(kept)
        self.exit_code: int | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, chan: "asyncssh.SSHClientChannel[bytes]") -> None:
        self.is_open = True
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        is_error = datatype == asyncssh.EXTENDED_DATA_STDERR
        if is_error and self._sudo is not None:
            data = self._answered(self._sudo, data)
        (self.stderr if is_error else self.stdout).feed(data)

    def _answered(self, sudo: Dialogue, data: bytes) -> bytes:
        """What of this is the program's own; sudo gets its answer."""
        own, answer = sudo.heard(data)
        if answer is not None and self._channel is not None:
            if answer:
                self._channel.write(answer)
            else:
                self._channel.write_eof()
        return own

    def exit_status_received(self, status: int) -> None:
        self.exit_code = status

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sudo is not None:
            self._sudo.ended()
        if self.closed.done():
            return
        if exc is None:
            self.closed.set_result(None)
        else:
            self.closed.set_exception(exc)
            # Nobody waits when the channel was lost before it was handed over.
            self.closed.exception()
