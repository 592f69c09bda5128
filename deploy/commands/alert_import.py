"""``handrail alert import``: alerts of another time, for the history."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from deploy.alertfiles import AlertFile, alert_files
from deploy.connection import Place, storing
from deploy.output import AsJson, harmless, say, show_json
from services.ingest.history.imported import Imported
from services.ingest.history.pieces import Mistake
from services.ingest.history.store import MongoImports

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
    chosen = alert_files(files, source)
    async with _adding(dry=dry) as add:
        with _progress(files) as progress:
            return [await _one(file, add, progress) for file in chosen]


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


async def _one(file: AlertFile, add: _Add, shown: _Shown) -> _Outcome:
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
    file: AlertFile, stream: io.BufferedReader, outcome: _Outcome, shown: _Shown
) -> Iterator[tuple[list[Imported], int]]:
    """The alerts of a file, some at a time, with how many bytes of it were read for them."""
    batch: list[Imported] = []
    seen = 0
    for found in file.read(stream, now=datetime.now(UTC)):
        if isinstance(found, Mistake):
            _note(found, outcome, shown)
        else:
            batch += found
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
