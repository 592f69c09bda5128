"""The runbooks of a directory; a wrong file is refused with its mistakes, the rest load."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.events import RunbookRef
from shared.runbook.inspection import inspected
from shared.runbook.model import RunbookFile
from shared.yamlsource import Problem, Source, SourceError, read_file, read_source

_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_VERSION_LENGTH: Final = 12


@dataclass(frozen=True)
class Runbook:
    """A runbook that was checked; ``version`` is a hash of the file's text."""

    content: RunbookFile
    version: str
    file: str

    @property
    def name(self) -> str:
        return self.content.metadata.name

    @property
    def title(self) -> str:
        return self.content.metadata.title

    @property
    def ref(self) -> RunbookRef:
        return RunbookRef(name=self.name, title=self.title, version=self.version)


@dataclass(frozen=True)
class Library:
    """The runbooks that can be used, by file name, and what is wrong with the others."""

    runbooks: tuple[Runbook, ...] = ()
    problems: tuple[Problem, ...] = ()

    def get(self, name: str) -> Runbook | None:
        """The runbook of this name."""
        return next((runbook for runbook in self.runbooks if runbook.name == name), None)


def parse_runbook(text: str, *, file: str) -> Runbook:
    """A runbook from its text.

    Raises:
        SourceError: it is wrong; every mistake with its line and column.
    """
    return _checked(read_source(text, file=file))


def load_runbooks(directory: Path) -> Library:
    """All runbooks under a directory; raises nothing."""
    return _load([directory])


def lint(paths: Iterable[Path]) -> list[Problem]:
    """Every mistake in these files and in the files under these directories."""
    return list(_load(paths).problems)


def _load(paths: Iterable[Path]) -> Library:
    runbooks: list[Runbook] = []
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    for path in paths:
        files = list(files_under(path))
        if not files:
            problems.append(Problem(str(path), 1, 1, "there is no runbook (*.yaml) here"))
        for file in files:
            try:
                source = read_file(file)
                runbook = _checked(source)
                position = _name_free(runbook.name, source, taken)
            except SourceError as error:
                problems += error.problems
            else:
                taken[runbook.name] = position
                runbooks.append(runbook)
    return Library(tuple(runbooks), tuple(problems))


def files_under(path: Path) -> Iterator[Path]:
    """The files that should be runbooks, in order; hidden ones are left out."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix in _SUFFIXES and file.is_file() and not hidden:
            yield file


def _name_free(name: str, source: Source, taken: dict[str, str]) -> str:
    place = ("metadata", "name")
    if name in taken:
        message = f"the name {name} is taken by {taken[name]}: every runbook has its own"
        raise SourceError([source.problem(place, message)])
    line, column = source.position(place)
    return f"{source.file}:{line}:{column}"


def _checked(source: Source) -> Runbook:
    content = source.parse(RunbookFile)
    problems = inspected(content, source)
    if problems:
        raise SourceError(problems)
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    return Runbook(content, digest[:_VERSION_LENGTH], source.file)
