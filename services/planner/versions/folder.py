"""The folder of runbooks, looked at again and again: only what changed is read."""

import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shared.errors import HandrailError
from shared.runbook.library import is_runbook_file, parsed_runbook
from shared.runbook.runbook import Parsed
from shared.yamlsource import Problem, SourceError

#: Of a file: when it was written, its size, and which one it is.
Stamp = tuple[int, int, int]
#: Nanoseconds in which two writes may get the same time; some file systems count in seconds.
_TICK: Final = 2_000_000_000


class FolderGoneError(HandrailError):
    """The folder of runbooks cannot be read."""


@dataclass(frozen=True)
class Seen:
    """What stands in the folder, by paths from it.

    Attributes:
        runbooks: those without mistakes, by name, each with its path.
        wrong: the paths of files with mistakes.
        problems: their mistakes.
    """

    runbooks: Mapping[str, tuple[str, Parsed]] = field(default_factory=dict)
    wrong: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


class Folder:
    """Files, of which each is read again when its time, size or inode is another one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamps: dict[str, Stamp | None] = {}
        self._read: dict[str, _Read] = {}
        self._seen: Seen | None = None

    def look(self) -> Seen:
        """What is there; the same object as long as nothing changes.

        Raises:
            FolderGoneError: there is no folder to look at.
        """
        if not self.path.is_dir():
            raise FolderGoneError(f"{self.path} is no folder")
        stamps = self._stamped()
        if self._seen is not None and stamps == self._stamps and None not in stamps.values():
            return self._seen
        before, self._stamps = self._stamps, stamps
        read = {file: self._again(file, before) for file in stamps}
        if self._seen is None or not _same(read, self._read):
            self._seen = _sorted_out({file: one.made for file, one in read.items()})
        self._read = read
        return self._seen

    def _stamped(self) -> dict[str, Stamp | None]:
        """The stamps of the files; None of one that was written just now.

        A second write in the same tick of the clock would leave the stamp as it is.
        """
        stamps: dict[str, Stamp | None] = {}
        just_now = time.time_ns() - _TICK
        for name in _names_under(self.path):
            try:
                said = (self.path / name).stat()
            except OSError:  # removed just now, or a link to nothing
                continue
            if stat.S_ISREG(said.st_mode):
                stamp = said.st_mtime_ns, said.st_size, said.st_ino
                stamps[name] = stamp if said.st_mtime_ns < just_now else None
        return stamps

    def _again(self, file: str, before: Mapping[str, Stamp | None]) -> "_Read":
        """What a file says; the same object where that is what it said."""
        stamp, known = self._stamps[file], self._read.get(file)
        if known is not None and stamp is not None and before.get(file) == stamp:
            return known
        path = self.path / file
        try:
            said = path.read_bytes()
        except OSError as error:
            return _Read(None, SourceError([Problem(str(path), 1, 1, f"cannot be read: {error}")]))
        if known is not None and known.said == said:
            return known
        return _Read(said, _parsed(said, path))


@dataclass(frozen=True)
class _Read:
    """A file's bytes, and the runbook in it or its mistakes."""

    said: bytes | None
    made: Parsed | SourceError


def _names_under(folder: Path) -> list[str]:
    """The names that ``files_under`` finds, in its order, for a tenth of its time."""
    names = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        at = os.path.relpath(root, folder)
        names += [
            name if at == "." else f"{at}/{name}"
            for name in files
            if not name.startswith(".") and is_runbook_file(name)
        ]
    return sorted(names, key=lambda name: name.split("/"))


def _same(one: Mapping[str, _Read], other: Mapping[str, _Read]) -> bool:
    return list(one) == list(other) and all(one[file] is other[file] for file in one)


def _parsed(said: bytes, path: Path) -> Parsed | SourceError:
    try:
        return parsed_runbook(said.decode("utf-8"), file=str(path))
    except SourceError as error:
        return error
    except UnicodeDecodeError as error:
        return SourceError([Problem(str(path), 1, 1, f"cannot be read: {error}")])


def _sorted_out(read: Mapping[str, Parsed | SourceError]) -> Seen:
    """Of two files with one name the first has it, the other is wrong."""
    runbooks: dict[str, tuple[str, Parsed]] = {}
    wrong: dict[str, tuple[Problem, ...]] = {}
    for file, one in read.items():
        if isinstance(one, SourceError):
            wrong[file] = one.problems
        elif (name := one.runbook.name) in runbooks:
            taken = f"the name {name} is taken by {runbooks[name][0]}: every runbook has its own"
            wrong[file] = (one.source.problem(("metadata", "name"), taken),)
        else:
            runbooks[name] = file, one
    problems = tuple(problem for each in wrong.values() for problem in each)
    return Seen(runbooks, frozenset(wrong), problems)
