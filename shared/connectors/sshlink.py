"""The connection to one SSH server: opened when needed, kept, opened again when it was lost."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import asyncssh
import structlog
from asyncssh.public_key import get_default_public_key_algs

from shared.connectors.protocol import (
    HostKeyChangedError,
    LoginRefusedError,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.sshlogin import Login

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT: Final = timedelta(seconds=5)
# A peer that says nothing for three of these is taken for dead.
KEEPALIVE: Final = timedelta(seconds=5)


class Link:
    """The kept connection of a login; concurrent users share it, also those who go on from there.

    ``via`` is the link to the host through which this one is reached.
    """

    def __init__(self, login: Login, *, via: "Link | None" = None) -> None:
        self.login = login
        self._via = via
        # At INFO it writes every command out, with whatever secret stands in it.
        logging.getLogger("asyncssh").setLevel(logging.WARNING)
        self._connection: asyncssh.SSHClientConnection | None = None
        self._opening: asyncio.Task[asyncssh.SSHClientConnection] | None = None

    async def connection(self) -> asyncssh.SSHClientConnection:
        """An open connection; whoever asks while one is being opened gets the same one.

        Raises:
            TargetUnreachableError: it cannot be opened.
            HostKeyChangedError: see there.
            LoginRefusedError: see there.
        """
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(_retrieve)
        self._connection = await asyncio.shield(self._opening)
        return self._connection

    async def close(self) -> None:
        """Let go of the connection, and of those that lead to it."""
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
        if self._via is not None:
            await self._via.close()

    def __str__(self) -> str:
        return str(self.login) if self._via is None else f"{self.login} (through {self._via})"

    async def _open(self) -> asyncssh.SSHClientConnection:
        login = self.login
        tunnel = await self._via.connection() if self._via is not None else ()
        shown: list[asyncssh.SSHKey] = []
        try:
            async with _keys(login) as keys:
                connection = await asyncssh.connect(
                    login.host,
                    login.port,
                    tunnel=tunnel,
                    username=login.user,
                    client_keys=keys or None,
                    password=login.password,
                    known_hosts=login.known_hosts or ([login.host_key], [], []),
                    server_host_key_algs=_algorithms(login),
                    client_factory=lambda: _Witness(shown),
                    # Nothing but what the target's section says: no files of this user, no agent.
                    config=None,
                    agent_path=None,
                    gss_host=None,
                    x509_trusted_certs=None,
                    connect_timeout=CONNECT_TIMEOUT.total_seconds(),
                    keepalive_interval=KEEPALIVE.total_seconds(),
                )
        except asyncssh.HostKeyNotVerifiable as error:
            raise self._changed(shown) from error
        except asyncssh.PermissionDenied as error:
            raise LoginRefusedError(
                f"{login} does not accept {login.offered}: {error.reason}; "
                "check the target's user, key and password in handrail.yaml"
            ) from error
        except (OSError, asyncssh.Error) as error:
            reason = f"{self} cannot be reached: {str(error) or 'no answer in time'}"
            raise TargetUnreachableError(reason, may_have_started=False) from error
        log.info("ssh.connected", target=str(self))
        return connection

    def _changed(self, shown: list[asyncssh.SSHKey]) -> HostKeyChangedError:
        came = ", ".join(map(_named, shown)) or "no key that can be read"
        known, setting = "not in known_hosts", "known_hosts"
        if self.login.host_key is not None:
            known, setting = f"pinned is {_named(self.login.host_key)}", "host_key"
        return HostKeyChangedError(
            f"{self.login} showed {came}; {known}. Either the host was set up anew or somebody "
            "stands in between: compare with `ssh-keygen -lf` of the keys in /etc/ssh on the "
            f"host's own console, and only then change {setting} of this target in handrail.yaml"
            + "".join(f" to `{_public(key)}`" for key in shown if setting == "host_key")
        )


@asynccontextmanager
async def _keys(login: Login) -> AsyncIterator[list[Any]]:
    """The keys to log in with; an agent signs for as long as the context is open."""
    keys: list[Any] = []
    if login.key is not None:
        # Without its certificate as well: not every host knows the CA.
        keys += [] if login.certificate is None else [(login.key, login.certificate)]
        keys.append(login.key)
    if login.agent is None:
        yield keys
        return
    try:
        agent = await asyncssh.connect_agent(login.agent)
    except OSError as error:
        raise TargetUnusableError(f"no agent answers at {login.agent}: {error}") from error
    async with agent:
        yield [*keys, *await agent.get_keys()]


class _Witness(asyncssh.SSHClient):
    """Refuses every host key that is not the pinned one, and remembers it for the report."""

    def __init__(self, shown: list[asyncssh.SSHKey]) -> None:
        self._shown = shown

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002 the signature is asyncssh's
        addr: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        key: asyncssh.SSHKey,
    ) -> bool:
        self._shown.append(key)
        return False


def _algorithms(login: Login) -> list[str] | tuple[()]:
    """The kinds of host keys known, then all others: a server without them shows what it has.

    Where a CA is known, they are chosen by asyncssh.
    """
    known: Sequence[asyncssh.SSHKey] = [login.host_key] if login.host_key else []
    if login.known_hosts is not None:
        known, authorities, *_ = login.known_hosts.match(login.host, "", login.port)
        if authorities:
            return ()
    kinds = [kind for key in known for kind in key.sig_algorithms]
    kinds += get_default_public_key_algs()
    return [kind.decode("ascii") for kind in dict.fromkeys(kinds)]


def _named(key: asyncssh.SSHKey) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def _public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


def _retrieve(opening: "asyncio.Task[asyncssh.SSHClientConnection]") -> None:
    """Everybody who waited may be gone: the error is theirs, not the loop's."""
    if not opening.cancelled():
        opening.exception()
