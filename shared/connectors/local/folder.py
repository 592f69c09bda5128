"""The folder of a claim on this machine: how it stands, what was written there."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.connectors.answer import Piece, State
from shared.connectors.local.groups import is_ours
from shared.connectors.protocol import Stream, Usage

_PIECE: Final = 1024 * 1024
_WORDS: Final = 4096


@dataclass(frozen=True)
class Standing:
    """How a claim stands. ``group`` is the process group of a command whose keeper is gone."""

    state: State
    owner: str = ""
    exit_code: int = -1
    group: int = 0


@dataclass(frozen=True)
class Folder:
    """One claim's folder. Of outputs that were cut, the first ``head`` bytes are there."""

    path: Path
    head: int

    @classmethod
    def claimed(cls, path: Path, head: int) -> "Folder | None":
        """The folder, if nobody else has it; whoever makes it has the claim.

        Raises:
            OSError: it cannot be made.
        """
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if not path.is_dir():
                raise
            return None
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls.claimed(path, head)
        return cls(path, head)

    def latest(self) -> "Folder":
        """A claim that was given up is followed by another one beside it."""
        folder = self
        while folder.standing().state is State.VOID and folder.next_path.is_dir():
            folder = Folder(folder.next_path, self.head)
        return folder

    @property
    def next_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.r")

    def write(self, name: str, data: bytes) -> None:
        with open(self.path / name, "xb", opener=_private) as file:
            file.write(data)

    def start_as(self, word: str, owner: str) -> bool:
        """Take the start away from everybody else; False where somebody was first."""
        try:
            self.write("started", f"{word} {owner}\n".encode())
        except (FileExistsError, FileNotFoundError):
            return False
        return True

    def standing(self) -> Standing:
        started = self._words("started")
        if started is None:
            return Standing(State.UNSTARTED if self.path.is_dir() else State.ABSENT)
        if not started:
            return Standing(State.UNSTARTED)
        word, owner = started[0], started[-1]
        if word in (State.VOID, State.CANCELLED):
            return Standing(State(word), owner)
        code = self._code()
        if code is None and self._is_kept():
            return Standing(State.RUNNING, owner)
        # It may have ended between the two looks.
        code = self._code() if code is None else code
        if code is None:
            return Standing(State.GONE, owner, group=self.group() or 0)
        return Standing(State.ENDED, owner, code)

    def group(self) -> int | None:
        """The process group of the command, while it is this command's."""
        words = self._words("group")
        if not words:
            return None
        group = int(words[0])
        return group if is_ours(group, "".join(words[1:])) else None

    def is_marked(self, mark: str) -> bool:
        return os.path.exists(f"{self.path}/{mark}")  # noqa: PTH110 looked at for each piece

    def mark(self, mark: str) -> None:
        (self.path / mark).touch(mode=0o600)

    def usage(self) -> Usage:
        """What a command took that ended."""
        _, cpu, memory = self._words("exit") or ("", "0", "0")
        return Usage(timedelta(seconds=float(cpu)), int(memory))

    def pieces(self, stream: Stream, offset: int) -> Iterator[Piece]:
        """What the stream has from an offset on, in pieces; what was cut out is passed over."""
        while True:
            piece = self._piece(stream, offset)
            if piece is None:
                return
            yield piece
            offset = piece.start + len(piece.data)

    def _piece(self, stream: Stream, asked: int) -> Piece | None:
        """The next piece; one without data tells how much was cut out before an end."""
        cut, offset = self._cut(stream), asked
        if offset >= self.head:
            offset = max(offset, self.head + cut)
        room = _PIECE if offset >= self.head or not cut else self.head - offset
        data = _read(f"{self.path}/{stream}", offset if offset < self.head else offset - cut, room)
        # What was read while the file was cut is not where it seems to be: it comes next time.
        if data is None or self._cut(stream) != cut or self.is_marked(f"{stream}.cutting"):
            return None
        return Piece(data, offset, cut) if data or offset > asked else None

    def _cut(self, stream: Stream) -> int:
        return int("".join(self._words(f"{stream}.cut") or "0"))

    def _code(self) -> int | None:
        words = self._words("exit")
        return int(words[0]) if words else None

    def _is_kept(self) -> bool:
        """Whether the keeper holds the lock: it is let go of by the death of a process as well."""
        try:
            lock = os.open(self.path / "started", os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _words(self, name: str) -> list[str] | None:
        """A file's words, none while it is not whole; None where it is not there."""
        data = _read(f"{self.path}/{name}", 0, _WORDS)
        if data is None:
            return None
        return data.decode("ascii").split() if data.endswith(b"\n") else []


def sweep(base: Path, older_than: float) -> None:
    """Remove claims last changed before a time; never a running one, nor one that another follows.

    A command that its keeper left behind counts as running.
    """
    with suppress(OSError):
        for path in base.iterdir():
            folder = Folder(path, 0)
            with suppress(OSError):
                if path.stat().st_mtime >= older_than or folder.next_path.exists():
                    continue
                standing = folder.standing()
                if standing.state is not State.RUNNING and standing.group == 0:
                    shutil.rmtree(path)


def _read(path: str, offset: int, room: int) -> bytes | None:
    """A part of a file; None where it is not there. With little ado: it is done all the time."""
    try:
        file = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.pread(file, min(room, max(0, os.fstat(file).st_size - offset)), offset)
    finally:
        os.close(file)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
