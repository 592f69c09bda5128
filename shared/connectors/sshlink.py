"""The connection to one SSH server: opened when needed, kept, opened again when it was lost."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import asyncssh
import structlog
from asyncssh.public_key import get_default_public_key_algs

from shared.connectors.protocol import (
    HostKeyChangedError,
    LoginRefusedError,
    TargetUnreachableError,
)

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT: Final = timedelta(seconds=5)
# A peer that says nothing for three of these is taken for dead.
KEEPALIVE: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class Login:
    """Where to log in, as whom, with what, and the one host key that may be shown there."""

    host: str
    port: int
    user: str
    host_key: asyncssh.SSHKey
    key: asyncssh.SSHKey | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


class Link:
    """The kept connection of a login; concurrent users share it."""

    def __init__(self, login: Login) -> None:
        self.login = login
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
        """Let go of the connection."""
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()

    async def _open(self) -> asyncssh.SSHClientConnection:
        login = self.login
        shown: list[asyncssh.SSHKey] = []
        try:
            connection = await asyncssh.connect(
                login.host,
                login.port,
                username=login.user,
                client_keys=None if login.key is None else [login.key],
                password=login.password,
                known_hosts=([login.host_key], [], []),
                server_host_key_algs=_pinned_first(login.host_key),
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
                f"{login} does not accept {self._offered()}: {error.reason}; "
                "check the target's user, key and password in handrail.yaml"
            ) from error
        except (OSError, asyncssh.Error) as error:
            reason = f"{login} cannot be reached: {str(error) or 'no answer in time'}"
            raise TargetUnreachableError(reason, may_have_started=False) from error
        log.info("ssh.connected", target=str(login))
        return connection

    def _changed(self, shown: list[asyncssh.SSHKey]) -> HostKeyChangedError:
        came = ", ".join(map(_named, shown)) or "no key that can be read"
        return HostKeyChangedError(
            f"{self.login} showed {came}; pinned is {_named(self.login.host_key)}. Either the host "
            "was set up anew or somebody stands in between: compare with `ssh-keygen -lf` of the "
            "keys in /etc/ssh on the host's own console, and only then change host_key of this "
            "target in handrail.yaml" + "".join(f" to `{_public(key)}`" for key in shown)
        )

    def _offered(self) -> str:
        kinds = [("key", self.login.key), ("password", self.login.password)]
        return " nor ".join(f"this {kind}" for kind, value in kinds if value is not None)


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


def _pinned_first(pinned: asyncssh.SSHKey) -> list[str]:
    """The pinned kind, then all others: a server without it shows what it has instead."""
    kinds = [*pinned.sig_algorithms, *get_default_public_key_algs()]
    return [kind.decode("ascii") for kind in dict.fromkeys(kinds)]


def _named(key: asyncssh.SSHKey) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def _public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


def _retrieve(opening: "asyncio.Task[asyncssh.SSHClientConnection]") -> None:
    """Everybody who waited may be gone: the error is theirs, not the loop's."""
    if not opening.cancelled():
        opening.exception()
