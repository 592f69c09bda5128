"""Runs commands for a local connector and outlives it: a program of its own, of one small process.

It starts each command in its folder as a process group, keeps its timeout, holds its outputs to
their limit, and writes how it ended. Its standard input is a socket with a line of JSON for each
request and each answer. When nobody is at the other end any more, it stays until what it started
has ended. It uses nothing but the standard library, so that it starts in no time.
"""

import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Final

#: Ended, a group has this long before it is killed.
GRACE: Final = 2.0
TIMED_OUT: Final = 124
#: Without anything to do, it leaves after this.
IDLE: Final = 60.0

_TICK: Final = 1.0
_ENDING_TICK: Final = 0.05
_READ: Final = 64 * 1024
_TICKS: Final = os.sysconf("SC_CLK_TCK")
# Commands ignore nothing, whatever this process ignores or was made to ignore by who started it.
_RESET: Final = set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}
_IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Request:
    """One command to run, in ``folder/command``.

    Of each output, ``limit`` bytes may lie there; from a longer one all but the first ``head`` are
    taken out. ``quick`` ones only read: they are killed at once when their time is up, or when
    nobody waits for them any more, which also removes their folder. ``{"leave": id}`` says that.
    """

    id: int
    folder: str
    owner: str
    seconds: float
    limit: int
    head: int
    quick: bool


@dataclass
class _Kept:
    """A command that was started. ``lock`` is held for as long as it is kept."""

    request: Request
    lock: int
    pid: int
    deadline: float
    kill_at: float | None = None
    timed_out: bool = False
    left: bool = False
    ended: tuple[int, float, int] | None = None

    def path(self, name: str) -> str:
        return f"{self.request.folder}/{name}"

    def signal(self, number: int) -> bool:
        """Whether the group was there to get the signal."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:
            # All that is left of it belongs to somebody else.
            return number == 0
        return True

    def stop(self, now: float) -> None:
        self.timed_out = True
        with suppress(OSError):
            _write(self.path("timed_out"), "")
        if self.request.quick:
            self.kill_at = now
            return
        self.kill_at = now + GRACE
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)

    def leave(self) -> None:
        if self.request.quick:
            self.left = True
            self.signal(signal.SIGKILL)

    def trim(self) -> None:
        """Take the middle out of an output that is too long; its writers stand still meanwhile."""
        for name in ("stdout", "stderr"):
            with suppress(OSError):
                if os.stat(self.path(name)).st_size > self.request.limit:  # noqa: PTH116 in the hot loop
                    self.signal(signal.SIGSTOP)
                    self._cut(name)
                    self.signal(signal.SIGCONT)

    def _cut(self, name: str) -> None:
        head, path = self.request.head, self.path(name)
        _write(f"{path}.cutting", "")
        with suppress(FileNotFoundError), open(f"{path}.cut", encoding="ascii") as file:  # noqa: PTH123
            head -= int(file.read())
        cut = os.stat(path).st_size - head  # noqa: PTH116
        os.truncate(path, self.request.head)
        _write(f"{path}.cut", f"{cut}\n")
        os.unlink(f"{path}.cutting")  # noqa: PTH108


class Keeper:
    """The commands that were started, and the socket that asks for them and is told of them."""

    def __init__(self, asking: socket.socket) -> None:
        self._socket = asking
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(asking, selectors.EVENT_READ)
        self._listening = True
        self._heard = bytearray()
        self._unsaid = bytearray()
        self._kept: dict[int, _Kept] = {}
        self._due = float("inf")

    def serve(self) -> None:
        """Until nobody asks any more and all has ended."""
        woken, waker = socket.socketpair()
        woken.setblocking(False)
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        self._selector.register(woken, selectors.EVENT_READ)
        while self._listening or self._kept:
            ready = self._selector.select(self._patience())
            if not ready and not self._kept:
                # Whoever asks later starts another one.
                return
            for key, events in ready:
                if key.fileobj is woken:
                    woken.recv(_READ)
                elif events & selectors.EVENT_WRITE:
                    self._say(b"")
                else:
                    self._hear()
            self._reap()
            if time.monotonic() >= self._due:
                self._keep_time(time.monotonic())

    def _patience(self) -> float:
        if not self._kept:
            return IDLE
        return max(0.0, self._due - time.monotonic())

    def _hear(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except ConnectionError:
            data = b""
        if not data:
            self._left_alone()
            return
        self._heard += data
        *lines, rest = bytes(self._heard).split(b"\n")
        self._heard[:] = rest
        for line in lines:
            said = json.loads(line)
            if "leave" in said:
                self._leave(said["leave"])
            else:
                self._begin(Request(**said))

    def _leave(self, number: int) -> None:
        for kept in self._kept.values():
            if kept.request.id == number:
                kept.leave()

    def _left_alone(self) -> None:
        if self._listening:
            self._listening = False
            self._selector.unregister(self._socket)
        for kept in self._kept.values():
            kept.leave()

    def _begin(self, request: Request) -> None:
        try:
            started = self._started(request)
        except FileExistsError:
            self._answer(request, taken=True)
        except OSError as error:
            # Nothing has run: the claim may be made anew.
            with suppress(OSError):
                _write(f"{request.folder}/started.new", f"void {request.owner}\n")
                os.replace(f"{request.folder}/started.new", f"{request.folder}/started")  # noqa: PTH105
            self._answer(request, failed=str(error))
        else:
            self._kept[started.pid] = started
            self._due = min(self._due, started.deadline, time.monotonic() + _TICK)

    def _started(self, request: Request) -> _Kept:
        """Start the command. While it runs, the lock on what says who started it is held."""
        lock = os.open(f"{request.folder}/started", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # From here on nobody can take the claim for one that never started.
            os.write(lock, f"{os.getpid()} {request.owner}\n".encode())
            pid = _spawned(request.folder)
        except OSError:
            os.close(lock)
            raise
        with suppress(OSError):
            # Too late to say that nothing has run.
            _write(f"{request.folder}/group", f"{pid} {now_in_ticks()}\n")
        return _Kept(request, lock, pid, time.monotonic() + request.seconds)

    def _reap(self) -> None:
        while self._kept:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            kept = self._kept.get(pid)
            if kept is not None:
                cpu = usage.ru_utime + usage.ru_stime
                kept.ended = (status, cpu, usage.ru_maxrss)
                self._settle(kept)

    def _settle(self, kept: _Kept) -> None:
        """A group that is being ended is waited for, and otherwise only its first process."""
        if kept.ended is None or (kept.kill_at is not None and kept.signal(0)):
            return
        status, cpu, memory = kept.ended
        code = os.waitstatus_to_exitcode(status)
        code = TIMED_OUT if kept.timed_out else code if code >= 0 else 128 - code
        del self._kept[kept.pid]
        if sys.platform != "darwin":
            memory *= 1024
        with suppress(OSError):
            # Where the disk is full, whoever asked is told all the same.
            _write(kept.path("exit"), f"{code} {cpu:.6f} {memory}\n")
        with suppress(OSError):
            os.unlink(kept.path("source"))  # noqa: PTH108
        os.close(kept.lock)
        if kept.left:
            shutil.rmtree(kept.request.folder, ignore_errors=True)
        cancelled = os.path.exists(kept.path("cancelled"))  # noqa: PTH110
        self._answer(
            kept.request,
            code=code,
            timed_out=kept.timed_out,
            cancelled=cancelled,
            cpu=cpu,
            memory=memory,
        )

    def _keep_time(self, now: float) -> None:
        self._due = float("inf")
        for kept in tuple(self._kept.values()):
            if kept.kill_at is None and now >= kept.deadline:
                kept.stop(now)
            if kept.kill_at is None:
                kept.trim()
                self._due = min(self._due, kept.deadline, now + _TICK)
                continue
            if now >= kept.kill_at:
                kept.signal(signal.SIGKILL)
                if kept.ended is not None and now >= kept.kill_at + GRACE:
                    # What is left of the group are zombies that nobody collects.
                    kept.kill_at = None
            self._settle(kept)
            self._due = min(self._due, now + _ENDING_TICK)

    def _answer(self, request: Request, **fields: Any) -> None:
        self._say(json.dumps({"id": request.id, **fields}).encode() + b"\n")

    def _say(self, data: bytes) -> None:
        """Say it, or keep it until it can be said: who does not listen holds up nothing."""
        if not self._listening:
            return
        self._unsaid += data
        try:
            with suppress(BlockingIOError):
                del self._unsaid[: self._socket.send(self._unsaid)]
        except OSError:
            self._left_alone()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsaid else 0)
        self._selector.modify(self._socket, wanted)


def now_in_ticks() -> str:
    """The time in the count in which the system keeps when a process was born; else nothing."""
    if sys.platform != "linux":
        return ""
    return str(int(time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS))


def _spawned(folder: str) -> int:
    write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        "/bin/sh",
        ("sh", "-c", '. "$0/command"', folder),
        os.environ,
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, f"{folder}/stdout", write, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, f"{folder}/stderr", write, 0o600),
        ),
        setsid=True,
        setsigdef=_RESET,
    )


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Only wakes the loop up."""


def main() -> None:
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    asking = socket.socket(fileno=0)
    os.set_inheritable(0, False)

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        with suppress(OSError):
            defect = "".join(traceback.format_exception(kind, error, where))
            asking.send(json.dumps({"id": 0, "defect": defect}).encode() + b"\n")

    sys.excepthook = tell
    Keeper(asking).serve()


if __name__ == "__main__":
    main()
