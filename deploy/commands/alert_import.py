"""``handrail alert import``: alerts of another time, for the history."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from deploy.connection import Place, storing
from deploy.home import Home
from deploy.output import AsJson, harmless, say, show_json
from services.ingest.app import parser
from services.ingest.history.imported import (
    Imported,
    NotAnAlertError,
    Reading,
    of_alerts,
    of_rows,
    of_webhooks,
)
from services.ingest.history.pieces import Mistake, Piece, pieces
from services.ingest.history.store import MongoImports
from services.ingest.sources import SOURCES
from services.ingest.webhook import Parse
from shared.config import load_config
from shared.errors import SettingsError

_BATCH: Final = 1_000
# In the JSON document; all of them are told on standard error.
_MISTAKES_TOLD: Final = 100


class _Add(Protocol):
    """Keeps alerts; how many of them were not there before."""

    async def __call__(self, imported: list[Imported], now: datetime) -> int: ...


@dataclass
class _Outcome:
    """What became of a file."""

    file: str
    alerts: int = 0
    imported: int = 0
    wrong: int = 0
    mistakes: list[Mistake] = field(default_factory=list)

    def facts(self, *, dry: bool) -> dict[str, Any]:
        kept = {} if dry else {"imported": self.imported, "known": self.alerts - self.imported}
        mistakes = [{"line": one.line, "reason": one.reason} for one in self.mistakes]
        told = {"file": self.file, "alerts": self.alerts, **kept, "wrong": self.wrong}
        return {**told, "mistakes": mistakes}


def import_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="JSON Lines, JSON or CSV; - is the input.")
    ],
    *,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The files have bodies of webhooks of this source, or kind of one; "
            "for CSV, the source of rows that name none.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read, and keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take alerts of another time into the history, where they open no tickets.

    What is there already is not added again. Mistakes are told with file and line, and the rest is
    imported; the exit status is 1 then.
    """
    outcomes = asyncio.run(_import(files, source, dry=dry_run))
    if as_json:
        show_json([outcome.facts(dry=dry_run) for outcome in outcomes])
    else:
        for outcome in outcomes:
            say(_told(outcome, dry=dry_run))
    if any(outcome.wrong for outcome in outcomes):
        raise typer.Exit(1)


async def _import(files: list[str], source: str | None, *, dry: bool) -> list[_Outcome]:
    parse = _parser(source) if source is not None else None
    async with _adding(dry=dry) as add:
        with _progress(files) as progress:
            return [await _one(_File(name, source, parse), add, progress) for name in files]


def _parser(source: str) -> Parse | None:
    """How bodies of a source are read, by its name or its kind; None where nobody knows it."""
    path = Home.of(os.environ).config(os.environ)
    configured = load_config(path).sources.get(source)
    if configured is not None:
        return parser(source, configured)
    return SOURCES.get(source)


@asynccontextmanager
async def _adding(*, dry: bool) -> AsyncIterator[_Add]:
    if dry:
        yield _nowhere
        return
    async with storing(Place.of()) as db:
        imports = MongoImports(db)
        await imports.prepare()
        yield imports.add


async def _nowhere(imported: list[Imported], now: datetime) -> int:  # noqa: ARG001 it is a rehearsal
    return 0


@dataclass(frozen=True)
class _File:
    name: str
    source: str | None
    parse: Parse | None

    def reading(self, piece: Piece) -> Reading:
        """How its values are read.

        Raises:
            SettingsError: they are bodies of a source that nobody knows.
        """
        because = f"imported from {Path(self.name).name}" if self.name != "-" else "imported"
        if piece.cells is not None:
            return of_rows(self.source, because)
        if self.source is None:
            return of_alerts(because)
        if self.parse is None:
            known = ", ".join(sorted(SOURCES))
            raise SettingsError(
                f"no source {self.source} is in handrail.yaml, and no kind has this name: {known}"
            )
        return of_webhooks(self.source, self.parse, because)

    @contextmanager
    def opened(self) -> Iterator[io.BufferedReader]:
        """The file, or the standard input, which stays open."""
        if self.name == "-":
            piped = io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer))
            try:
                yield cast(io.BufferedReader, piped)
            finally:
                piped.detach()
        else:
            with Path(self.name).open("rb") as stream:
                yield stream


@dataclass(frozen=True)
class _Shown:
    progress: Progress
    task: Any

    def mistake(self, file: str, mistake: Mistake) -> None:
        line = harmless(f"{file}:{mistake.line}: {mistake.reason}")
        self.progress.console.print(Text(line, style="red"), soft_wrap=True)

    def came(self, size: int) -> None:
        self.progress.advance(self.task, size)


@contextmanager
def _progress(files: list[str]) -> Iterator[_Shown]:
    """How far it is, where there is a terminal to show it on."""
    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    columns = (TextColumn("importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    sizes = [Path(name).stat().st_size for name in files if Path(name).is_file()]
    total = sum(sizes) if len(sizes) == len(files) else None
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:
        yield _Shown(progress, progress.add_task("import", total=total))


async def _one(file: _File, add: _Add, shown: _Shown) -> _Outcome:
    outcome = _Outcome(file.name)
    try:
        with file.opened() as stream:
            for batch, size in _batches(file, stream, outcome, shown):
                outcome.alerts += len(batch)
                outcome.imported += await add(batch, datetime.now(UTC))
                shown.came(size)
    except OSError as error:
        _note(Mistake(1, f"cannot be read: {error.strerror}"), outcome, shown)
    return outcome


def _batches(
    file: _File, stream: io.BufferedReader, outcome: _Outcome, shown: _Shown
) -> Iterator[tuple[list[Imported], int]]:
    """The alerts of a file, some at a time, with how many bytes of it were read for them."""
    batch: list[Imported] = []
    read: Reading | None = None
    seen = 0
    for piece in pieces(stream, file.name):
        if isinstance(piece, Mistake):
            _note(piece, outcome, shown)
            continue
        read = read or file.reading(piece)
        try:
            batch += read(piece)
        except NotAnAlertError as error:
            _note(Mistake(piece.line, str(error)), outcome, shown)
        if len(batch) >= _BATCH:
            at = _position(stream)
            yield batch, at - seen
            batch, seen = [], at
    if batch:
        yield batch, _position(stream) - seen


def _position(stream: io.BufferedReader) -> int:
    return stream.tell() if stream.seekable() else 0


def _note(mistake: Mistake, outcome: _Outcome, shown: _Shown) -> None:
    outcome.wrong += 1
    if len(outcome.mistakes) < _MISTAKES_TOLD:
        outcome.mistakes.append(mistake)
    shown.mistake(outcome.file, mistake)


def _told(outcome: _Outcome, *, dry: bool) -> str:
    wrong = f", {outcome.wrong} wrong" if outcome.wrong else ""
    if dry:
        return f"{outcome.file}: {outcome.alerts} alerts{wrong}; nothing was kept"
    known = outcome.alerts - outcome.imported
    return f"{outcome.file}: {outcome.imported} imported, {known} there already{wrong}"
