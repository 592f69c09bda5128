"""Child processes that are watched: ready before they count, started again when they die."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import IO, BinaryIO, Final

import structlog

from deploy.parentdeath import die_with
from shared.errors import HandrailError

log = structlog.get_logger(__name__)

START_TIMEOUT: Final = timedelta(seconds=120)
STOP_TIMEOUT: Final = timedelta(seconds=20)
POLL: Final = timedelta(seconds=0.05)
# The pause before a child that died is started again; it doubles while it keeps dying soon.
RESTART_PAUSE: Final = timedelta(seconds=0.2)
RESTART_PAUSE_MOST: Final = timedelta(seconds=10)
SOON: Final = timedelta(seconds=10)
# Bytes; servers are chatty, and a home is not to grow without an end.
LOG_SIZE: Final = 32 * 2**20
_LAST_LINES: Final = 3


class ChildFailedError(HandrailError):
    """A child process did not become ready."""


class Child:
    """One watched process. Its output goes to a file, or where this process writes its errors.

    Its process group is its own.

    ``owns`` is a folder of data that only one process may have open. The child holds a lock beside
    it for as long as it lives, so that one which outlived its parent for a moment is waited for.
    """

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        *,
        output: Path | None,
        ready: Callable[[], Awaitable[bool]],
        environment: Mapping[str, str] | None = None,
        owns: Path | None = None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self._command = command
        self._output = output
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self._lock = owns.with_name(f"{owns.name}.lock") if owns else None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process and wait until it can do its work, then keep watch over it.

        Raises:
            ChildFailedError: it could not be started, ended first, or took too long; nothing is
                left running.
        """
        try:
            await self._begin()
        except BaseException:
            await self._end()
            raise
        self._watch = asyncio.create_task(self._watch_over())

    async def stop(self) -> None:
        """End the process: asked first, killed with all its group if it does not listen."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._end()

    async def _begin(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT.total_seconds()):
                process = await self._spawn()
                while not await self._ready():
                    if process.returncode is not None:
                        raise ChildFailedError(self._complaint("ended while it started"))
                    await asyncio.sleep(POLL.total_seconds())
        except TimeoutError as error:
            raise ChildFailedError(self._complaint("did not become ready")) from error

    async def _spawn(self) -> asyncio.subprocess.Process:
        try:
            with self._opened_output() as output, self._opened_lock() as lock:
                await self._hold(lock)
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    # An empty file, read as an end of input; what matters is that it is locked.
                    stdin=lock,
                    stdout=output or sys.stderr,
                    stderr=output or sys.stderr,
                    env=self._environment,
                    # Ctrl-C in the terminal is for this process, which then stops all in order.
                    start_new_session=True,
                    preexec_fn=die_with(os.getpid()) if sys.platform == "linux" else None,
                )
        except OSError as error:
            raise ChildFailedError(f"{self.name} cannot be started: {error}") from error
        return self._process

    def _opened_output(self) -> AbstractContextManager[IO[bytes] | None]:
        if self._output is None:
            return nullcontext()
        self._output.parent.mkdir(parents=True, exist_ok=True)
        return opened_log(self._output)

    def _opened_lock(self) -> IO[bytes]:
        return self._lock.open("a+b") if self._lock else Path(os.devnull).open("rb")

    async def _hold(self, lock: IO[bytes]) -> None:
        """Lock the file for the child, as soon as no other process holds it."""
        if self._lock is None:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT.total_seconds()):
                while not _taken(lock):  # noqa: ASYNC110 the holder is another process
                    await asyncio.sleep(POLL.total_seconds())
        except TimeoutError:
            raise ChildFailedError(
                f"{self.name} cannot be started: another process holds {self._lock}",
            ) from None

    async def _watch_over(self) -> None:
        pause, began = RESTART_PAUSE, monotonic()
        while True:
            if self._process is not None:
                code = await self._process.wait()
                log.warning("child.died", name=self.name, pid=self._process.pid, code=code)
            if monotonic() - began > SOON.total_seconds():
                pause = RESTART_PAUSE
            await asyncio.sleep(pause.total_seconds())
            pause, began = min(pause * 2, RESTART_PAUSE_MOST), monotonic()
            self.restarts += 1
            try:
                await self._begin()
            except ChildFailedError as error:
                log.warning("child.failed", name=self.name, reason=str(error))
                await self._end()
            else:
                log.info("child.restarted", name=self.name, pid=self.pid)

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT.total_seconds()):
                await process.wait()
        except TimeoutError:
            log.warning("child.killed", name=self.name, pid=process.pid)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def _complaint(self, what: str) -> str:
        if self._output is None:
            return f"{self.name} {what}"
        lines = self._output.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return f"{self.name} {what}; see {self._output}: " + " | ".join(lines)


async def started_together(children: Iterable[Child]) -> None:
    """Start all side by side.

    Raises:
        ChildFailedError: one did not become ready; those that were still starting are stopped.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(child.start())
    except* ChildFailedError as failed:
        raise failed.exceptions[0] from None


async def stopped_together(children: Iterable[Child]) -> None:
    """Stop all side by side."""
    await asyncio.gather(*(child.stop() for child in children))


def _taken(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def opened_log(path: Path) -> BinaryIO:
    """A log to append to; one that has grown too long is put aside first, and one such is kept."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_SIZE:
            path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")
