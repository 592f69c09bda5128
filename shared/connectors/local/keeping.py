"""The keeper as the connector sees it: started with the first command, replaced when it died."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import structlog

from shared.connectors.local.keeper import Request
from shared.connectors.protocol import TargetUnreachableError

log = structlog.get_logger(__name__)

# As a login over SSH would have: the executor's own environment holds its secrets.
_ENVIRONMENT: Final = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR")
_KEEPER: Final = Path(__file__).with_name("keeper.py")
# Elsewhere nobody can take a keeper's place.
_PROGRAM: Final = _KEEPER.with_name("standby.py") if sys.platform == "linux" else _KEEPER
#: One that died may have somebody in its place, who is collected when that one has ended.
_COLLECT: Final = 1.0
_READ: Final = 64 * 1024


@dataclass(frozen=True)
class Told:
    """What the keeper said of a command: it ended, or somebody else had started it, or nobody can.

    ``memory`` are the bytes of the largest process, ``cpu`` seconds of all.
    """

    code: int = -1
    timed_out: bool = False
    cancelled: bool = False
    cpu: float = 0.0
    memory: int = 0
    taken: bool = False
    failed: str = ""


class Keeping:
    """The keeper of one connector. Another one takes the place of one that died."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._ids = count(1)
        self._asked: dict[int, asyncio.Future[Told | None]] = {}
        self._socket: socket.socket | None = None
        self._pid = 0
        self._left: set[int] = set()
        self._collecting: asyncio.TimerHandle | None = None
        self._heard = bytearray()
        self._saying = asyncio.Lock()

    async def run(self, folder: Path, **fields: Any) -> Told | None:
        """Run ``folder/command``; see ``keeper.Request`` for the fields. None: the keeper died.

        Raises:
            TargetUnreachableError: no keeper can be started here.
        """
        request = Request(id=next(self._ids), folder=str(folder), **fields)
        told: asyncio.Future[Told | None] = asyncio.get_running_loop().create_future()
        self._asked[request.id] = told
        try:
            await self._say(json.dumps(asdict(request)).encode() + b"\n")
            return await told
        except asyncio.CancelledError:
            if request.quick and self._socket is not None:
                await self._say(json.dumps({"leave": request.id}).encode() + b"\n")
            raise
        finally:
            self._asked.pop(request.id, None)

    async def close(self) -> None:
        """Let go of it: it leaves when what it keeps has ended."""
        idle = not self._asked
        pid = self._let_go()
        if self._collecting is not None:
            self._collecting.cancel()
        if pid and idle:
            await asyncio.to_thread(_collected, pid)

    async def _say(self, line: bytes) -> None:
        async with self._saying:
            try:
                if self._socket is None:
                    self._start()
                if self._socket is not None:
                    await asyncio.get_running_loop().sock_sendall(self._socket, line)
            except ConnectionError:
                self._lost()
            except OSError as error:
                reason = f"no process can be started here: {error}"
                raise TargetUnreachableError(reason, may_have_started=False) from error

    def _start(self) -> None:
        ours, its = socket.socketpair()
        usual = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with its:
            ours.setblocking(False)
            try:
                self._pid = os.posix_spawn(
                    sys.executable,
                    (sys.executable, "-I", "-S", str(_PROGRAM)),
                    usual | dict(self._environment),
                    file_actions=(
                        (os.POSIX_SPAWN_DUP2, its.fileno(), 0),
                        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                    ),
                    setsid=True,
                )
            except OSError:
                ours.close()
                raise
        self._socket = ours
        self._heard.clear()
        asyncio.get_running_loop().add_reader(ours, self._hear)

    def _hear(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lost()
            return
        self._heard += data
        *lines, rest = bytes(self._heard).split(b"\n")
        self._heard[:] = rest
        for line in lines:
            self._tell(json.loads(line))

    def _tell(self, said: dict[str, Any]) -> None:
        if "defect" in said:
            log.error("keeper.defect", error=said["defect"])
            return
        told = self._asked.get(said.pop("id"))
        if told is not None and not told.done():
            told.set_result(Told(**said))

    def _lost(self) -> None:
        """It left, having nothing to do, or was killed: the claims say how far it came."""
        if self._asked:
            log.warning("keeper.lost", pid=self._pid)
        self._left.add(self._let_go())
        self._collect()

    def _collect(self) -> None:
        """Collect those that have ended; the others a moment later."""
        self._left = {pid for pid in self._left if not _collected(pid, os.WNOHANG)}
        if self._left:
            loop = asyncio.get_running_loop()
            self._collecting = loop.call_later(_COLLECT, self._collect)

    def _let_go(self) -> int:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        for told in self._asked.values():
            if not told.done():
                told.set_result(None)
        pid, self._pid = self._pid, 0
        return pid


def _collected(pid: int, options: int = 0) -> bool:
    """Whether a child is there no more."""
    try:
        return os.waitpid(pid, options)[0] == pid
    except ChildProcessError:
        return True
