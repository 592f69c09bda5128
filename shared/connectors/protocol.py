"""What a connector is: hands on one kind of target, which run each job once.

The executor acts through connectors, triage gathers, the verifier checks.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from shared.errors import HandrailError, PermanentError
from shared.lifecycle import Effect


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


#: What a dry run makes to be run later may have at most this many bytes.
ARTIFACT_MOST: Final = 8 * 1024 * 1024


@dataclass(frozen=True)
class Job:
    """A command to run once.

    ``key`` names this attempt (letters, digits, ``-`` and ``_``): the same key is the same run, on
    whatever executor and however often. ``command`` is the step's text, in the language of its
    connector. ``timeout`` is kept on the target itself, also when nobody watches: the whole process
    group is ended. ``artifact`` is what ``dry_run`` made and people approved. ``started_at`` is
    when this attempt began, on whatever executor.
    """

    key: str
    command: str
    timeout: timedelta
    effect: Effect = Effect.ONCE
    artifact: bytes | None = None
    started_at: datetime | None = None


@dataclass(frozen=True)
class DryRun:
    """What a job would do.

    ``text`` is for people, and capped. ``artifact`` is given back in the job that is run: at most
    ``ARTIFACT_MOST`` bytes.
    """

    text: str
    artifact: bytes | None = None


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
class Usage:
    """What a run took where it ran, as far as that is known: its own processes and their children.

    ``cpu`` is time of all cores; ``memory`` the bytes of the largest of its processes at its most.
    """

    cpu: timedelta
    memory: int | None = None


@dataclass(frozen=True)
class Ended:
    """The command ended.

    ``stdout`` and ``stderr`` are capped: of a longer output the beginning and the end are kept,
    with a line between them that says how much is missing. ``reattached`` says that the claim was
    there already: another attempt to run the same key had started the command. ``cancelled`` says
    that ``cancel`` ended it; the exit code is then what the signal came to (143 of one that never
    began), or what a command that handles signals made of it. Two ends that differ only in
    ``usage`` are equal.
    """

    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool = False
    reattached: bool = False
    cancelled: bool = False
    usage: Usage | None = field(default=None, compare=False)


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

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        """What became of a job whose owner died; starts nothing, and waits for its end if it runs.

        None says that it certainly did not start, or that ``run`` with the same key is right.

        Raises:
            TargetUnreachableError: the target could not be reached for as long as the job may take.
            HostKeyChangedError: see there.
            LoginRefusedError: see there.
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

    async def dry_run(self, job: Job) -> DryRun | None:
        """What the job would do, where the target can tell without doing it.

        Raises:
            TargetUnreachableError: the target could not be reached.
            PermanentError: the target refuses the job; its text says why.
        """
        ...

    async def cancel(self, key: str) -> bool:
        """End what runs on the target under this key, and see to it that it never starts.

        True says that it has ended or never ran, false that it cannot be ended. Whoever waits in
        ``run`` gets an ``Ended`` that is ``cancelled``.

        Raises:
            TargetUnreachableError: the target could not be reached.
            HostKeyChangedError: see there.
            LoginRefusedError: see there.
        """
        ...

    async def close(self) -> None:
        """Let go of connections; runs on the target go on."""
        ...
