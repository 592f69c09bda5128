"""What the scripts on a target say of a claim, parsed."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.connectors.shell import Output

_MARK: Final = b"\x1ehandrail\n"
_LAST: Final = b"\n\x1e"
_FIELDS: Final = 11

# As the shell's `times` writes both of them: 0m0.01s, or with the comma of a locale.
_TIMES: Final = re.compile(r"(\d+)m(\d+)[.,](\d+)s\+(\d+)m(\d+)[.,](\d+)s")


class State(StrEnum):
    """How a claim stands."""

    ABSENT = "absent"
    FAILED = "failed"
    UNSTARTED = "unstarted"
    VOID = "void"
    CANCELLED = "cancelled"
    RUNNING = "running"
    ENDED = "ended"
    GONE = "gone"


#: Nothing more comes of a claim that stands so.
SETTLED: Final = (State.ENDED, State.GONE, State.CANCELLED)


@dataclass(frozen=True)
class Piece:
    """Bytes of an output. ``start`` is -1 when they were cut while they were read."""

    data: bytes
    start: int
    cut: int

    def is_last(self, limit: int) -> bool:
        """Whether a command that ended wrote nothing after these at most ``limit`` bytes."""
        if self.start < 0:
            return False
        return len(self.data) < limit if self.cut == 0 else not self.data


@dataclass(frozen=True)
class Answer:
    """``owner`` is who started the command; ``group`` its process group if that outlived it.

    ``state`` is ``CANCELLED`` where it never began, and ``cancelled`` says that it was ended.
    """

    state: State
    exit_code: int
    timed_out: bool
    cancelled: bool
    owner: str
    group: int
    cpu: timedelta | None
    stdout: Piece
    stderr: Piece

    @property
    def is_settled(self) -> bool:
        return self.state in SETTLED


def parsed(output: Output) -> Answer | None:
    """The answer in an output, or None where the script did not get to the end.

    What login files print comes before the first mark, and what the command printed cannot come
    after the last.
    """
    _, mark, rest = output.stdout.content().partition(_MARK)
    stdout, last, line = rest.rpartition(_LAST)
    words = line.decode(errors="replace").split()
    if not mark or not last or not line.endswith(b"\n") or len(words) != _FIELDS:
        return None
    _, _, stderr = output.stderr.content().partition(_MARK)
    code, timed_out, cancelled, owner, group, cpu, *places = words[1:]
    out_start, out_cut, err_start, err_cut = map(int, places)
    return Answer(
        state=State(words[0]),
        exit_code=int(code),
        timed_out=timed_out == "1",
        cancelled=cancelled == "1",
        owner=owner,
        group=int(group),
        cpu=_cpu(cpu),
        stdout=Piece(stdout, out_start, out_cut),
        stderr=Piece(stderr, err_start, err_cut),
    )


def _cpu(times: str) -> timedelta | None:
    found = _TIMES.fullmatch(times)
    if found is None:
        return None
    parts = found.groups()
    return sum(
        (
            timedelta(minutes=int(minutes), seconds=float(f"{seconds}.{fraction}"))
            for minutes, seconds, fraction in (parts[:3], parts[3:])
        ),
        timedelta(),
    )
