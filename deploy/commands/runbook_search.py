"""``handrail runbook search``: rank the runbooks for what an alert says, with nothing running."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from deploy.output import complain, say
from shared.errors import HandrailError
from shared.runbook import lint
from shared.runbook.search import Answer, Hit, Read, RunbookSearch, Verdict, read_documents

Directory = Callable[[], Path]

_COLORS: Final = {Verdict.CLEAR: "green", Verdict.CLOSE: "yellow", Verdict.NONE: "red"}
_SCORE_DIGITS: Final = 4


class NothingToSearchError(HandrailError):
    """There is no runbook where the search was told to look."""


def search_command(directory: Directory) -> Callable[..., None]:
    """The command; ``directory`` says where the runbooks are that are in use."""

    def search(
        queries: Annotated[
            list[str] | None,
            typer.Argument(metavar="TEXT…", help="What alerts say; else a line each from stdin."),
        ] = None,
        *,
        library: Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="Where to search; else what is in use."),
        ] = None,
        limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to tell.")] = 5,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print one line of JSON for each text.")
        ] = False,
    ) -> None:
        """Rank the runbooks for what an alert says, say why, and say when nothing fits."""
        read = _read(library or directory())
        engine = RunbookSearch(read.documents)
        for query in queries or _lines(sys.stdin.buffer):
            answer = engine.search(query, limit=limit)
            if as_json:
                print(json.dumps(_fields(answer), ensure_ascii=False), flush=True)
            else:
                _print(answer)

    return search


def _read(path: Path) -> Read:
    """Raises ``NothingToSearchError`` where there is none; tells which files it leaves out."""
    if not path.exists():
        raise NothingToSearchError(f"{path}: there is no such folder")
    read = read_documents(path)
    if read.problems:
        for problem in read.problems:
            complain(HandrailError(f"left out: {problem}"))
    if not read.documents:
        raise NothingToSearchError(f"{path}: there is no runbook (*.yaml) here")
    return read


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Lines that say something, as they come."""
    for line in stream:
        text = line.decode(errors="replace").strip()
        if text:
            yield text


def _fields(answer: Answer) -> dict[str, Any]:
    hits = [
        {
            **asdict(hit),
            "score": round(hit.score, _SCORE_DIGITS),
            "fit": round(hit.fit, _SCORE_DIGITS),
            "mistakes": _mistakes(hit),
        }
        for hit in answer.hits
    ]
    return {**asdict(answer), "hits": hits}


def _print(answer: Answer) -> None:
    say(answer.query, style="bold")
    say(f"  {answer.verdict}: {answer.because}", style=_COLORS[answer.verdict])
    for place, hit in enumerate(answer.hits, 1):
        say(f"  {place}. {hit.name}  {hit.score:.2f}  {hit.title}")
        say(f"     {'; '.join(hit.why)}", style="dim")
        for mistake in _mistakes(hit):
            say(f"     {mistake}", style="red")
    say()


def _mistakes(hit: Hit) -> list[str]:
    """Why the runbook could not be used as it is."""
    return [str(problem) for problem in lint([Path(hit.file)])]
