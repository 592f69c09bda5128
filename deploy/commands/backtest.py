"""``handrail backtest``: what old alerts would lead to today."""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from deploy.alertfiles import AlertFile, alert_files
from deploy.backtest import run
from deploy.backtest.expected import differences, saved
from deploy.backtest.past import Past
from deploy.backtest.planning import Records
from deploy.backtest.shown import show
from deploy.backtest.store import MongoPast
from deploy.backtest.verdict import failures, reasons
from deploy.backtest.version import Version, in_use, with_others
from deploy.connection import Place, storing
from deploy.home import Home
from deploy.library import AskedFor, books_in, store_if_running, tell
from deploy.moments import moment
from deploy.output import AsJson, harmless, show_json
from services.ingest.history.imported import Imported
from services.ingest.history.pieces import Mistake
from shared.runbook.search import Ranking, installed

app = typer.Typer(add_completion=False, help="What old alerts would lead to today.")


@app.command()
def backtest(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE…", help="JSON Lines, JSON or CSV; - is the input."),
    ] = None,
    *,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="Also the alerts that are stored; runbooks then have the records that they have.",
        ),
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The files have bodies of webhooks of this source, or kind of one; "
            "for CSV, the source of rows that name none.",
        ),
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Compare with this folder of runbooks, handrail.yaml, policy, or folder of both.",
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="Only since then: 30m, 2h, 7d or a time."),
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, max=1_000, help="So many examples of each difference.")
    ] = 3,
    expect: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fail where a report saved with --json says otherwise."),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(metavar="NAME,…", help="Fail where there is any: escalated, runs_now, …"),
    ] = None,
    library: AskedFor = None,
    as_json: AsJson = False,
) -> None:
    """Run old alerts through today's rules, runbooks and policy; nothing has an effect.

    Says what would have happened, and with --against what another version makes of the same alerts.
    The exit status is 1 where a line or a runbook is wrong, or a check fails.
    """
    if not files and not history:
        raise typer.BadParameter("name files, or say --history")
    failing, expected = reasons(fail_on), saved(expect) if expect else None
    asked = _Asked(
        alert_files(files or [], source), against or [], since, sample, library, history=history
    )
    wrong, report = asyncio.run(_backtest(asked))
    if as_json:
        show_json(report)
    else:
        show(report)
    failed = failures(failing, report)
    if expected is not None:
        failed += differences(expected, report)
    for line in failed:
        _complain(line)
    if wrong or failed:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Asked:
    """What a backtest is asked to look at."""

    files: list[AlertFile]
    against: list[Path]
    since: datetime | None
    sample: int
    library: Path | None
    history: bool


async def _backtest(asked: _Asked) -> tuple[bool, dict[str, Any]]:
    """Whether anything that was read is wrong, and the report."""
    place = Place.of()
    async with storing(place) if asked.history else store_if_running(place) as db:
        books = await books_in(db, place, asked.library)
        tell(books)
        config = Home.of(os.environ).config(os.environ)
        now = in_use(config, books.library(), os.environ)
        before = with_others(now, asked.against) if asked.against else None
        # Whichever is wrong, all of it is told.
        wrong = sum(_refused(version) for version in (now, before) if version is not None)
        with Past() as past:
            for file in asked.files:
                wrong += _read(file, past, asked.since)
            stored = MongoPast(db) if asked.history and db is not None else None
            records = await _recalled(stored, past, asked.since) if stored else {}
            report = await run.backtest(past, now, before, records=records, examples=asked.sample)
    ranked_by = Ranking.WORDS if installed() is None else Ranking.BOTH
    return bool(wrong), {**report, "runbooks": books.fields(), "searched_by": ranked_by}


async def _recalled(stored: MongoPast, past: Past, since: datetime | None) -> Records:
    """Take in the alerts that are stored; the records of runbooks."""
    async for one in stored.alerts(since):
        past.add([one])
    return await stored.records()


def _read(file: AlertFile, past: Past, since: datetime | None) -> int:
    """Read a file; how many mistakes are in it."""
    wrong = 0
    try:
        with file.opened() as stream:
            for found in file.read(stream):
                if isinstance(found, Mistake):
                    wrong += 1
                    _complain(f"{file.name}:{found.line}: {found.reason}")
                else:
                    past.add(_later(found, since))
    except OSError as error:
        wrong += 1
        _complain(f"{file.name}: cannot be read: {error.strerror}")
    return wrong


def _later(found: Iterable[Imported], since: datetime | None) -> Iterable[Imported]:
    return (one for one in found if since is None or one.at >= since)


def _refused(version: Version) -> int:
    """Tell which runbooks cannot be used; how many mistakes there are."""
    for problem in version.library.problems:
        _complain(str(problem))
    return len(version.library.problems)


def _complain(line: str) -> None:
    Console(stderr=True).print(Text(harmless(line), style="red"), soft_wrap=True)
