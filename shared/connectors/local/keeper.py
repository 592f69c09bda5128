"""Runs commands for a local connector and outlives it: a program of its own, of one small process.

It starts each command in its folder as a process group, keeps its timeout, holds its outputs to
their limit, and writes how it ended. Its standard input is a socket with a line of JSON for each
request and each answer. When nobody is at the other end any more, it stays until what it started
has ended. It uses nothing but the standard library, so that it starts in no time.
"""

import array
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
from collections.abc import Iterable
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
#: So many ends are told to the standby at once, or those there are after a while.
_ENDS_MOST: Final = 32
_TOLD_WITHIN: Final = 0.1
#: A command that was started says so within this.
_SAYS_WITHIN: Final = 5.0
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

    @classmethod
    def left_behind(cls, said: dict[str, Any]) -> "_Kept | None":
        """What a keeper that died had begun, if it got as far; what it was at is made good."""
        request, lock = Request(**said["request"]), int(said["lock"])
        # It may have been told that it ended, and have had no time to say so.
        is_over = os.path.exists(f"{request.folder}/exit")  # noqa: PTH110
        pid = None if is_over else _begun_as(request.folder)
        if pid is None or not _is_our_child(pid):
            os.close(lock)
            return None
        kept = cls(request, lock, pid, said["deadline"])
        os.set_inheritable(lock, False)
        for name in ("stdout", "stderr"):
            with suppress(OSError):
                os.unlink(f"{kept.path(name)}.cutting")  # noqa: PTH108
        kept.signal(signal.SIGCONT)
        kept.timed_out = os.path.exists(kept.path("timed_out"))  # noqa: PTH110
        return kept

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


class Link:
    """The standby, as long as it listens: who does not is done without."""

    def __init__(self, link: socket.socket | None) -> None:
        self._link = link
        self._ended: list[int] = []
        if link is not None:
            link.setblocking(False)

    @property
    def has_ends(self) -> bool:
        """Whether there is something to tell of which nothing is told yet."""
        return bool(self._ended) and self._link is not None

    def begins(self, request: Request, lock: int, deadline: float) -> None:
        """Tell of a command that is about to be started, and give the lock of its claim."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [lock]))]
        self._say({"request": vars(request), "deadline": deadline}, rights)

    def ended(self, request: Request) -> None:
        """Tell of it with what is told next."""
        self._ended.append(request.id)
        if len(self._ended) >= _ENDS_MOST:
            self.flush()

    def flush(self) -> None:
        if self._ended:
            self._say({}, [])

    def _say(self, what: dict[str, Any], rights: list[Any]) -> None:
        if self._link is None:
            return
        said = json.dumps({"ended": self._ended, **what}).encode()
        self._ended.clear()
        try:
            self._link.sendmsg([said], rights)
        except OSError:
            self._link.close()
            self._link = None


class Keeper:
    """The commands that were started, and the socket that asks for them and is told of them.

    ``left`` are commands that another keeper started, for one that takes its place: nobody asks
    that one for anything.
    """

    def __init__(
        self, asking: socket.socket | None, link: Link, left: Iterable[_Kept] = ()
    ) -> None:
        self._link = link
        self._selector = selectors.DefaultSelector()
        self._listening = asking is not None
        self._socket = asking
        if asking is not None:
            asking.setblocking(False)
            self._selector.register(asking, selectors.EVENT_READ)
        self._heard = bytearray()
        self._unsaid = bytearray()
        self._kept = {kept.pid: kept for kept in left}
        for kept in self._kept.values():
            kept.leave()
        self._due = time.monotonic() if self._kept else float("inf")

    def serve(self) -> None:
        """Until nobody asks any more and all has ended."""
        woken, waker = socket.socketpair()
        woken.setblocking(False)
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        self._selector.register(woken, selectors.EVENT_READ)
        # What ended before anybody was told of it.
        self._reap()
        while self._listening or self._kept:
            ready = self._selector.select(self._patience())
            if not ready and self._link.has_ends:
                self._link.flush()
            elif not ready and not self._kept:
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
        due = self._due - time.monotonic() if self._kept else IDLE
        return max(0.0, min(due, _TOLD_WITHIN) if self._link.has_ends else due)

    def _hear(self) -> None:
        if self._socket is None:
            return
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
        if self._listening and self._socket is not None:
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
        deadline = time.monotonic() + request.seconds
        lock = os.open(f"{request.folder}/started", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # From here on nobody can take the claim for one that never started.
            os.write(lock, f"{os.getpid()} {request.owner}\n".encode())
            self._link.begins(request, lock, deadline)
            pid = _spawned(request.folder)
        except OSError:
            os.close(lock)
            self._link.ended(request)
            raise
        with suppress(OSError):
            # Too late to say that nothing has run.
            _write(f"{request.folder}/group", f"{pid} {now_in_ticks()}\n")
        return _Kept(request, lock, pid, deadline)

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
        self._link.ended(kept.request)
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
        if not self._listening or self._socket is None:
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
        ("sh", "-c", '{ echo $$ >"$0/pid"; } 2>/dev/null; . "$0/command"', folder),
        os.environ,
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, f"{folder}/stdout", write, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, f"{folder}/stderr", write, 0o600),
        ),
        setsid=True,
        setsigdef=_RESET,
    )


def _begun_as(folder: str) -> int | None:
    """The process that a command was started as; what was just started has yet to say so."""
    until = time.monotonic() + _SAYS_WITHIN
    while time.monotonic() < until:
        with suppress(OSError), open(f"{folder}/pid", encoding="ascii") as file:  # noqa: PTH123
            if (said := file.read()).endswith("\n"):
                return int(said)
        time.sleep(_ENDING_TICK)
    return None


def _is_our_child(pid: int) -> bool:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


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
    if "left" in sys.argv:
        with open(int(sys.argv[1]), "rb") as told:  # noqa: PTH123
            left = [_Kept.left_behind(said) for said in json.load(told)]
        Keeper(None, Link(None), filter(None, left)).serve()
        return
    asking = socket.socket(fileno=0)
    os.set_inheritable(0, False)
    link = socket.socket(fileno=int(sys.argv[1])) if sys.argv[1:] else None
    if link is not None:
        link.set_inheritable(False)

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        with suppress(OSError):
            defect = "".join(traceback.format_exception(kind, error, where))
            asking.send(json.dumps({"id": 0, "defect": defect}).encode() + b"\n")

    sys.excepthook = tell
    standby = Link(link)
    Keeper(asking, standby).serve()
    standby.flush()


if __name__ == "__main__":
    main()
