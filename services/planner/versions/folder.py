"""The folder of runbooks, looked at again and again: only what changed is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import HandrailError
from shared.runbook.library import files_under, parsed_runbook
from shared.runbook.runbook import Parsed
from shared.yamlsource import Problem, SourceError, read_file

#: Of a file: when it was written, its size, and which one it is.
Stamp = tuple[int, int, int]


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
        self._stamps: dict[str, Stamp] | None = None
        self._read: dict[str, Parsed | SourceError] = {}
        self._seen = Seen()

    def look(self) -> Seen:
        """What is there; the same object as long as nothing changes.

        Raises:
            FolderGoneError: there is no folder to look at.
        """
        if not self.path.is_dir():
            raise FolderGoneError(f"{self.path} is no folder")
        stamps = self._stamped()
        if stamps != self._stamps:
            before = self._stamps or {}
            self._read = {
                file: self._read[file] if before.get(file) == stamp else self._parsed(file)
                for file, stamp in stamps.items()
            }
            self._stamps = stamps
            self._seen = _sorted_out(self._read)
        return self._seen

    def _stamped(self) -> dict[str, Stamp]:
        stamps = {}
        for file in files_under(self.path):
            try:
                said = file.stat()
            except OSError:  # removed just now
                continue
            name = file.relative_to(self.path).as_posix()
            stamps[name] = said.st_mtime_ns, said.st_size, said.st_ino
        return stamps

    def _parsed(self, file: str) -> Parsed | SourceError:
        path = self.path / file
        try:
            return parsed_runbook(read_file(path).text, file=str(path))
        except SourceError as error:
            return error


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
