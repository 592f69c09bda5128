"""The runbooks that commands look at: the active versions of this installation, or a folder."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from deploy.connection import NotRunningError, Place, shown, storing
from deploy.output import harmless
from services.planner.app import runbooks_directory
from shared.errors import HandrailError
from shared.runbook import Library, load_runbooks
from shared.runbook.library import assembled, parsed_runbook, readable
from shared.runbook.runbook import Parsed
from shared.runbook.search import Read, read_documents, read_texts
from shared.runbook.versions import MongoVersions, Version
from shared.store import Database
from shared.yamlsource import Problem, SourceError

#: The option of commands that say what runbooks would do.
AskedFor = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="DIR",
        help="Runbooks of this folder; else the active versions, or the folder if nothing runs.",
    ),
]
_UNREAD: Final = "no planner has read runbooks into this installation yet"


class NoLibraryError(HandrailError):
    """There are no runbooks where a command was told to look."""


@dataclass(frozen=True)
class ActiveVersions:
    """What the planner uses."""

    versions: tuple[Version, ...]

    @property
    def said(self) -> str:
        number = len(self.versions)
        return f"{number} active version{'' if number == 1 else 's'} of this installation"

    def library(self) -> Library:
        """All of them, checked; raises nothing."""
        parsed: dict[str, Parsed] = {}
        problems: list[Problem] = []
        for one in self.versions:
            try:
                parsed[one.name] = parsed_runbook(one.text, file=one.ref)
            except SourceError as error:
                problems += error.problems
        return assembled(parsed, problems)

    def parsed(self) -> list[Parsed]:
        """Those that have no mistakes, with their texts; raises nothing."""
        found = []
        for one in self.versions:
            with suppress(SourceError):
                found.append(parsed_runbook(one.text, file=one.ref))
        return found

    def documents(self) -> Read:
        """For the search alone, much faster; raises nothing."""
        return read_texts((one.ref, one.text) for one in self.versions)

    def fields(self) -> dict[str, Any]:
        return {"from": "versions", "said": self.said}


@dataclass(frozen=True)
class Folder:
    """What stands in files, and why these are looked at, unless somebody asked for them."""

    path: Path
    since: str = ""

    @property
    def said(self) -> str:
        what = "file" if self.path.is_file() else "folder"
        return f"the {what} {self.path}" + (f", since {self.since}" if self.since else "")

    def library(self) -> Library:
        """See ``ActiveVersions.library``."""
        return load_runbooks(self.path)

    def parsed(self) -> list[Parsed]:
        """See ``ActiveVersions.parsed``."""
        return readable([self.path])

    def documents(self) -> Read:
        """See ``ActiveVersions.documents``."""
        return read_documents(self.path)

    def fields(self) -> dict[str, Any]:
        return {"from": "folder", "said": self.said, "folder": str(self.path)}


Books = ActiveVersions | Folder


async def books_in(
    db: Database | None,
    place: Place,
    asked_for: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
) -> Books:
    """The folder that is asked for; else what the planner uses, or would if it were started.

    Raises:
        NoLibraryError: there is no such folder.
        SettingsError: nothing runs, and the folder of runbooks is not there.
        UnavailableError: the store stopped to answer.
    """
    if asked_for is not None:
        return _asked(asked_for)
    if db is None:
        return Folder(directory(environment), _silent(place))
    store = MongoVersions(db)
    heads = await store.heads()
    if not heads:
        return Folder(directory(environment), _UNREAD)
    active = [head.ref for head in heads.values() if head.active is not None]
    found = await store.these(active)
    return ActiveVersions(tuple(found[ref] for ref in active if ref in found))


async def books_here(asked_for: Path | None = None) -> Books:
    """See ``books_in``; opens the store only where it is needed."""
    place = Place.of()
    if asked_for is not None:
        return await books_in(None, place, asked_for)
    async with store_if_running(place) as db:
        return await books_in(db, place)


@asynccontextmanager
async def store_if_running(place: Place) -> AsyncIterator[Database | None]:
    """The store, or None where it is nowhere or does not answer."""
    async with AsyncExitStack() as stack:
        try:
            db = await stack.enter_async_context(storing(place))
        except NotRunningError:
            yield None
        else:
            yield db


def directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the files of runbooks are.

    Raises:
        SettingsError: nowhere.
    """
    named = environment.get("HANDRAIL_RUNBOOKS")
    return runbooks_directory(Path(named) if named else None)


def tell(books: Books) -> None:
    """Say on stderr what is looked at, so that programs can read the output."""
    print(harmless(f"runbooks: {books.said}"), file=sys.stderr)


def tell_refused(library: Library) -> None:
    """Say on stderr which mistakes keep a runbook from being looked at."""
    for problem in library.problems:
        print(harmless(f"left out: {problem}"), file=sys.stderr)


def _asked(path: Path) -> Folder:
    if not path.exists():
        raise NoLibraryError(f"--library {path}: there is no such folder")
    return Folder(path)


def _silent(place: Place) -> str:
    if place.mongo is None:
        return "nothing runs"
    return f"MongoDB does not answer at {shown(place.mongo)}"
