"""Scripts that are sent to a target and run there under a claim, as any command."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex
from typing import Final, Protocol

from shared.connectors.protocol import (
    Connector,
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnusableError,
)
from shared.connectors.sendable import UnsendableCommandError
from shared.connectors.shell import ARGUMENT_MOST
from shared.errors import PermanentError

#: What may run a script on a target that has a POSIX shell.
INTERPRETERS: Final = ("python3", "bash", "sh")

_NOT_FOUND: Final = 127
# Up to the first line break that is not inside quotes: an argument may have some.
_HEADER: Final = re.compile(
    r"""((?:[^\n'"\\]|'[^']*'|"(?:[^"\\]|\\.)*"|\\.)*)(?:\n|\Z)""", re.DOTALL
)


class ScriptRefusedError(PermanentError):
    """The text is no script as the connector knows them; nothing has run."""


class ScriptHost(Connector, Protocol):
    """A connector with a shell."""

    async def run(
        self, job: Job, *, on_output: OnOutput | None = None, source: bytes | None = None
    ) -> Ended | Lost:
        """See ``Connector.run``. ``source`` lies beside the command, as ``$0/source``."""
        ...


@dataclass(frozen=True)
class Script:
    """How a script is started, and its source."""

    interpreter: str
    arguments: tuple[str, ...]
    source: str

    @classmethod
    def parsed(cls, text: str, *, known: Sequence[str] = INTERPRETERS) -> "Script":
        """The script in a step's text: its first line is the interpreter and quoted arguments.

        ``known`` are the interpreters of the target.

        Raises:
            ScriptRefusedError: the first line says something else.
        """
        header = _HEADER.match(text)
        if header is None:
            raise ScriptRefusedError("a quote in the script's first line is not closed")
        interpreter, *arguments = shlex.split(header[1]) or [""]
        if interpreter not in known:
            raise ScriptRefusedError(
                f"{interpreter!r} cannot run scripts here: the first line begins with one of "
                + ", ".join(known)
            )
        return cls(interpreter, tuple(arguments), text[header.end() :])

    @property
    def missing(self) -> str:
        """What the target says that has no such interpreter."""
        return f"handrail: {self.interpreter} is not on this target's PATH: install it there"

    def started_from(self, path: str) -> str:
        """The shell command that runs the source in a file, whose path is a shell's word."""
        words = f"{path} {shlex.join(self.arguments)}".rstrip()
        return (
            f"command -v {self.interpreter} >/dev/null 2>&1 || "
            f"{{ echo {shlex.quote(self.missing)} >&2; exit {_NOT_FOUND}; }}\n"
            f"{self.interpreter} {words}"
        )

    def as_one_command(self) -> str:
        """A shell command that leaves nothing behind, for scripts that only look.

        Raises:
            UnsendableCommandError: the source is too long for that.
        """
        mark = f"handrail-{token_hex(8)}"
        command = (
            "h_script=$(mktemp) || exit\ntrap 'rm -f \"$h_script\"' EXIT\n"
            f"cat >\"$h_script\" <<'{mark}'\n{self.source}\n{mark}\n"
            f"{self.started_from(chr(34) + '$h_script' + chr(34))}\n"
        )
        if len(command.encode(errors="replace")) > ARGUMENT_MOST:
            raise UnsendableCommandError(
                f"a script that checks may have at most {ARGUMENT_MOST} bytes: make it shorter"
            )
        return command


class ScriptConnector:
    """Scripts on a target whose commands another connector runs; closing is that one's affair."""

    def __init__(self, host: ScriptHost) -> None:
        self._host = host

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        """See ``Connector.run``.

        Raises:
            ScriptRefusedError: the job's text is no script.
            TargetUnusableError: the target does not have the interpreter.
        """
        script = Script.parsed(job.command)
        outcome = await self._host.run(
            replace(job, command=script.started_from('"$0/source"')),
            on_output=on_output,
            source=_bytes(script.source),
        )
        return _checked(script, outcome)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        script = Script.parsed(job.command)
        outcome = await self._host.reattach(
            replace(job, command=script.started_from('"$0/source"')), on_output=on_output
        )
        return None if outcome is None else _checked(script, outcome)

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept at the target
        script = Script.parsed(command)
        ended = await self._host.read(script.as_one_command(), timeout=timeout)
        _check_interpreter(script, ended)
        return ended

    async def dry_run(self, job: Job) -> DryRun | None:
        """A script has none; one that is no script is refused before anybody is asked."""
        Script.parsed(job.command)
        return None

    async def cancel(self, key: str) -> bool:
        return await self._host.cancel(key)

    async def close(self) -> None:
        """Nothing of its own."""


def _checked(script: Script, outcome: Ended | Lost) -> Ended | Lost:
    if isinstance(outcome, Ended):
        _check_interpreter(script, outcome)
    return outcome


def _check_interpreter(script: Script, ended: Ended) -> None:
    if ended.exit_code == _NOT_FOUND and ended.stderr.strip() == script.missing:
        raise TargetUnusableError(script.missing.removeprefix("handrail: "))


def _bytes(source: str) -> bytes:
    try:
        return source.encode()
    except UnicodeEncodeError as error:
        raise UnsendableCommandError(
            f"character {error.start} of the script is no Unicode character: take it out"
        ) from error
