"""Process groups on this machine: whose they are, whether they live, and their end."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
# What may lie between the birth of a process and the note of it: two seconds.
_LEEWAY: Final = 2 * os.sysconf("SC_CLK_TCK")


def is_ours(group: int, birth: str) -> bool:
    """Whether a group is still the one whose leader was born then, in ticks of the system.

    Its number is not given again while it has a member, so that without a leader it is the same.
    """
    if not _is_there(group):
        return False
    now = _born(group)
    return not birth or now is None or abs(now - int(birth)) <= _LEEWAY


def lives(group: int) -> bool:
    """Whether a group has a member that is not a mere zombie, as far as that can be seen."""
    if not _is_there(group):
        return False
    if not (_PROC / "self" / "stat").exists():
        return True
    return any(_is_living(process, group) for process in _PROC.iterdir() if process.name.isdigit())


def end(group: int, number: signal.Signals) -> None:
    """Send a signal to a group, also to what stands still in it."""
    for each in (number, signal.SIGCONT):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, each)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _born(process: int) -> int | None:
    try:
        return int((_PROC / str(process) / "stat").read_text().rpartition(") ")[2].split()[19])
    except (OSError, IndexError):
        return None


def _is_living(process: Path, group: int) -> bool:
    try:
        state, _, its_group = (process / "stat").read_text().rpartition(") ")[2].split()[:3]
    except (OSError, ValueError):
        return False
    return int(its_group) == group and state not in ("Z", "X")
