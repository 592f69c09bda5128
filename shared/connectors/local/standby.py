"""Starts the keeper and takes its place when it dies: a program of its own, on Linux.

The system hands it the children of who died below it, so that the exit codes of commands are not
lost with the keeper that started them. It is told of each command, and given the lock of its claim
so that nobody takes the claim for deserted in between. Where a keeper died and left commands, it
becomes the keeper of those. It uses nothing but the standard library.
"""

import array
import ctypes
import json
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any, Final

#: Where the keeper finds the socket on which it tells of commands.
LINK: Final = 3
_PROGRAM: Final = os.path.dirname(os.path.abspath(__file__)) + "/keeper.py"  # noqa: PTH100, PTH120 pathlib takes long to import
#: https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
_SUBREAPER: Final = 36
_MOST: Final = 64 * 1024
_IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Standby:
    """What a keeper has begun, by the numbers of its requests; ``keeper`` is its process."""

    def __init__(self, link: socket.socket, keeper: int) -> None:
        self._link = link
        self._keeper = keeper
        self._kept: dict[int, dict[str, Any]] = {}

    def wait(self) -> list[dict[str, Any]]:
        """What the keeper left behind, once it has ended."""
        signal.signal(signal.SIGCHLD, self._collect)
        # Children that ended before anybody looked.
        self._collect(0, None)
        while self._hear():
            continue
        os.waitpid(self._keeper, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return list(self._kept.values())

    def _hear(self) -> bool:
        """Take in what the keeper says; false when there is nobody to say anything more."""
        locks = array.array("i")
        said, control, _, _ = self._link.recvmsg(_MOST, socket.CMSG_SPACE(locks.itemsize))
        for _, _, data in control:
            locks.frombytes(data[: len(data) - len(data) % locks.itemsize])
        if not said:
            return False
        told = json.loads(said)
        for number in told["ended"]:
            if (gone := self._kept.pop(number, None)) is not None:
                os.close(gone["lock"])
        if locks:
            self._kept[told["request"]["id"]] = told | {"lock": locks[0]}
        return True

    def _collect(self, _number: int, _frame: FrameType | None) -> None:
        """Collect daemons of commands; what a keeper left is for the next one to collect."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            while (found := os.waitid(os.P_ALL, 0, options)) is not None:
                # Only the death of the keeper makes its commands our children.
                if os.waitid(os.P_PID, self._keeper, options) is not None:
                    return
                os.waitpid(found.si_pid, 0)
        except ChildProcessError:
            return


def _started(ours: socket.socket, its: socket.socket) -> int:
    """The keeper, with what is our standard input as its own."""
    pid = os.posix_spawn(
        sys.executable,
        (sys.executable, "-I", "-S", _PROGRAM, str(LINK)),
        os.environ,
        file_actions=(
            (os.POSIX_SPAWN_CLOSE, ours.fileno()),
            (os.POSIX_SPAWN_DUP2, its.fileno(), LINK),
        ),
        setsid=True,
    )
    its.close()
    # Whoever listens there is to hear of the keeper's end.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return pid


def main() -> None:
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    keeper = _started(ours, its)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    left = Standby(ours, keeper).wait()
    if not left:
        return
    for each in left:
        os.set_inheritable(each["lock"], True)
    told = os.memfd_create("handrail", 0)
    os.write(told, json.dumps(left).encode())
    os.lseek(told, 0, os.SEEK_SET)
    os.execv(  # noqa: S606 no shell is wanted
        sys.executable, (sys.executable, "-I", "-S", _PROGRAM, str(told), "left")
    )


if __name__ == "__main__":
    main()
