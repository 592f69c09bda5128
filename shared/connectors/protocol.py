"""What a connector is: hands on one kind of target, which run each job once.

The executor acts through connectors, triage gathers, the verifier checks.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from shared.errors import HandrailError, PermanentError


class TargetUnreachableError(HandrailError):
    """The target did not answer.

    ``may_have_started`` is false only when no attempt got as far as sending the command, so that it
    certainly did not run.
    """

    def __init__(self, reason: str, *, may_have_started: bool) -> None:
        super().__init__(reason)
        self.may_have_started = may_have_started


class HostKeyChangedError(PermanentError):
    """The target shows another host key than the pinned one: it may not be the target at all."""


class LoginRefusedError(PermanentError):
    """The target does not accept the credentials."""


class TargetUnusableError(PermanentError):
    """The target answers, and can run nothing as it is set up: its text says what stands there.

    What was asked for has not run.
    """


class UnknownTargetError(PermanentError):
    """No target of this name is declared in handrail.yaml."""


@dataclass(frozen=True)
class Job:
    """A command to run once.

    ``key`` names this attempt (letters, digits, ``-`` and ``_``): the same key is the same run, on
    whatever executor and however often. ``timeout`` is kept on the target itself, also when
    nobody watches: the whole process group is ended.
    """

    key: str
    command: str
    timeout: timedelta


class Stream(StrEnum):
    """Which of a command's two outputs."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True)
class Chunk:
    """A piece of output; ``offset`` counts bytes from the beginning of its stream."""

    stream: Stream
    offset: int
    text: str


@dataclass(frozen=True)
class Ended:
    """The command ended.

    ``stdout`` and ``stderr`` are capped: of a longer output the beginning and the end are kept,
    with a line between them that says how much is missing. ``reattached`` says that the claim was
    there already: another attempt to run the same key had started the command.
    """

    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool = False
    reattached: bool = False


@dataclass(frozen=True)
class Lost:
    """The command was started and is gone without an exit code: what it did is unknown."""

    reason: str
    stdout: str = ""
    stderr: str = ""


OnOutput = Callable[[Chunk], Awaitable[None]]


class Connector(Protocol):
    """Hands on one target. Opening a connector opens no connection; the first use does."""

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        """Run the job, or attach to the run that has its key already, and wait for its end.

        A lost connection is mended and the run attached to again, for as long as the job's timeout
        lets it live.

        Raises:
            TargetUnreachableError: the target could not be reached for that long.
            HostKeyChangedError: see there.
            LoginRefusedError: see there.
            TargetUnusableError: see there.
        """
        ...

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept at the target
        """Run a read-only command without a claim, for checks and evidence.

        Raises:
            TargetUnreachableError: the target could not be reached, or did not answer in time.
            HostKeyChangedError: see there.
            LoginRefusedError: see there.
        """
        ...

    async def close(self) -> None:
        """Let go of connections; runs on the target go on."""
        ...
