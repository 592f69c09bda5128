"""The runbooks of a directory; a wrong file is refused with its mistakes, the rest load."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.runbook.cases import CaseFile
from shared.runbook.including import Joined
from shared.runbook.inspection import inspected
from shared.runbook.model import RunbookFile
from shared.runbook.runbook import Parsed, Runbook
from shared.runbook.salvage import salvaged
from shared.yamlsource import Problem, Source, SourceError, read_file, read_source

_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_TESTS: Final = (".test.yaml", ".test.yml")
_VERSION_LENGTH: Final = 12


@dataclass(frozen=True)
class Library:
    """The runbooks that can be used, by file name, and what is wrong with the others."""

    runbooks: tuple[Runbook, ...] = ()
    problems: tuple[Problem, ...] = ()

    def get(self, name: str) -> Runbook | None:
        """The runbook of this name."""
        return next((runbook for runbook in self.runbooks if runbook.name == name), None)


def parse_runbook(text: str, *, file: str) -> Runbook:
    """A runbook from its text; those that it includes are not looked for.

    Raises:
        SourceError: it is wrong; every mistake with its line and column.
    """
    return parsed_runbook(text, file=file).runbook


def parsed_runbook(text: str, *, file: str) -> Parsed:
    """A runbook and its text; see ``parse_runbook``.

    Raises:
        SourceError: see there.
    """
    source = read_source(text, file=file)
    return Parsed(_checked(source), source)


def assembled(parsed: Mapping[str, Parsed], problems: Iterable[Problem] = ()) -> Library:
    """Runbooks, by their names, with those that they include; one that cannot is a problem."""
    joined = Joined(parsed)
    runbooks = tuple(made for name in parsed if (made := joined.runbook(name)) is not None)
    return Library(runbooks, (*problems, *joined.problems))


def load_runbooks(directory: Path) -> Library:
    """All runbooks under a directory; raises nothing."""
    return _load([directory])


def readable(paths: Iterable[Path]) -> list[Parsed]:
    """Those of these files, and of those under these directories, that can be used."""
    files = (file for path in paths if not _is_tests(path) for file in files_under(path))
    found = []
    for file in files:
        with suppress(SourceError):
            source = read_file(file)
            found.append(Parsed(_checked(source), source))
    return found


def lint(paths: Iterable[Path]) -> list[Problem]:
    """Every mistake in these files and in the files under these directories, tests included."""
    paths = list(paths)
    problems = list(_load([path for path in paths if not _is_tests(path)]).problems)
    for file in (file for path in paths for file in _yaml_under(path) if _is_tests(file)):
        try:
            read_file(file).parse(CaseFile)
        except SourceError as error:
            problems += error.problems
    return problems


def _load(paths: Iterable[Path]) -> Library:
    parsed: dict[str, Parsed] = {}
    problems: list[Problem] = []
    for path in paths:
        files = list(files_under(path))
        if not files:
            problems.append(Problem(str(path), 1, 1, "there is no runbook (*.yaml) here"))
        for file in files:
            try:
                source = read_file(file)
                runbook = _checked(source)
                _name_free(runbook.name, source, parsed)
            except SourceError as error:
                problems += error.problems
            else:
                parsed[runbook.name] = Parsed(runbook, source)
    return assembled(parsed, problems)


def files_under(path: Path) -> Iterator[Path]:
    """The files that should be runbooks, in order; hidden ones and tests are left out."""
    return (file for file in _yaml_under(path) if not _is_tests(file))


def is_runbook_file(name: str) -> bool:
    """Whether a file of this name, which is not hidden, should be a runbook."""
    return name.endswith(tuple(_SUFFIXES)) and not name.endswith(_TESTS)


def _yaml_under(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix in _SUFFIXES and file.is_file() and not hidden:
            yield file


def _is_tests(file: Path) -> bool:
    return file.name.endswith(_TESTS)


def _name_free(name: str, source: Source, taken: dict[str, Parsed]) -> None:
    place = ("metadata", "name")
    if name in taken:
        other = taken[name].source
        line, column = other.position(place)
        by = f"{other.file}:{line}:{column}"
        message = f"the name {name} is taken by {by}: every runbook has its own"
        raise SourceError([source.problem(place, message)])


def _checked(source: Source) -> Runbook:
    try:
        content = source.parse(RunbookFile)
    except SourceError as error:
        raise SourceError(_all(error, source)) from None
    problems = inspected(content, source)
    if problems:
        raise SourceError(problems)
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    return Runbook(content, digest[:_VERSION_LENGTH], source.file)


def _all(error: SourceError, source: Source) -> list[Problem]:
    """The mistakes in a file's shape, and those in what of it can be read all the same."""
    content = salvaged(source.data)
    told = {(problem.line, problem.column) for problem in error.problems}
    more = inspected(content, source) if content is not None else ()
    found = [*error.problems, *(one for one in more if (one.line, one.column) not in told)]
    return sorted(found, key=lambda problem: (problem.line, problem.column))
