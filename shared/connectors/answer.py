"""What the scripts on a target say of a claim, parsed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.connectors.shell import Output

_MARK: Final = b"\x1ehandrail\n"
_LAST: Final = b"\n\x1e"
_FIELDS: Final = 9


class State(StrEnum):
    """How a claim stands."""

    ABSENT = "absent"
    FAILED = "failed"
    UNSTARTED = "unstarted"
    VOID = "void"
    RUNNING = "running"
    ENDED = "ended"
    GONE = "gone"


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
    """``owner`` is who started the command; ``group`` its process group if that outlived it."""

    state: State
    exit_code: int
    timed_out: bool
    owner: str
    group: int
    stdout: Piece
    stderr: Piece

    @property
    def is_settled(self) -> bool:
        return self.state in (State.ENDED, State.GONE)


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
    code, timed_out, owner, group, *places = words[1:]
    out_start, out_cut, err_start, err_cut = map(int, places)
    return Answer(
        state=State(words[0]),
        exit_code=int(code),
        timed_out=timed_out == "1",
        owner=owner,
        group=int(group),
        stdout=Piece(stdout, out_start, out_cut),
        stderr=Piece(stderr, err_start, err_cut),
    )
