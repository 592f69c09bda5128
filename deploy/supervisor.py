"""Child processes that are watched: ready before they count, started again when they die."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from shared.errors import HandrailError

log = structlog.get_logger(__name__)

START_TIMEOUT: Final = timedelta(seconds=60)
STOP_TIMEOUT: Final = timedelta(seconds=15)
POLL: Final = timedelta(seconds=0.05)
# The pause before a child that died is started again; it doubles while it keeps dying.
RESTART_PAUSE: Final = timedelta(seconds=0.2)
RESTART_PAUSE_MOST: Final = timedelta(seconds=10)

_PR_SET_PDEATHSIG: Final = 1


class ChildFailedError(HandrailError):
    """A child process did not become ready."""


class Child:
    """One watched process. Its output goes to a file, its process group is its own."""

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        *,
        output: Path,
        ready: Callable[[], Awaitable[bool]],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self._command = command
        self._output = output
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process and wait until it can do its work, then keep watch over it.

        Raises:
            ChildFailedError: it ended first, or took too long; nothing is left running.
        """
        await self._spawn()
        try:
            await self._until_ready()
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._watch_over())

    async def stop(self) -> None:
        """End the process: asked first, killed if it does not listen."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
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

    async def _spawn(self) -> None:
        self._output.parent.mkdir(parents=True, exist_ok=True)
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                # Ctrl-C in the terminal is for this process, which then stops all in order.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    async def _until_ready(self) -> None:
        process = self._process
        try:
            async with asyncio.timeout(START_TIMEOUT.total_seconds()):
                while not await self._ready():
                    if process is None or process.returncode is not None:
                        raise ChildFailedError(self._complaint("ended while it started"))
                    await asyncio.sleep(POLL.total_seconds())
        except TimeoutError as error:
            raise ChildFailedError(self._complaint("did not become ready")) from error

    async def _watch_over(self) -> None:
        pause = RESTART_PAUSE
        while True:
            process = self._process
            if process is not None:
                code = await process.wait()
                log.warning("child.died", name=self.name, pid=process.pid, code=code)
            await asyncio.sleep(pause.total_seconds())
            await self._spawn()
            self.restarts += 1
            try:
                await self._until_ready()
            except ChildFailedError as error:
                pause = min(pause * 2, RESTART_PAUSE_MOST)
                log.warning("child.failed", name=self.name, reason=str(error))
                await self._kill_half_started()
            else:
                pause = RESTART_PAUSE
                log.info("child.restarted", name=self.name, pid=self.pid)

    async def _kill_half_started(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    def _complaint(self, what: str) -> str:
        lines = self._output.read_text(errors="replace").splitlines()[-3:]
        return f"{self.name} {what}; see {self._output}: " + " | ".join(lines)


def _die_with_parent() -> None:
    """Let the kernel end this child when its parent is killed without a chance to stop it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
