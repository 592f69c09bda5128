"""``handrail runbook search``: rank the runbooks for what an alert says; nothing has to run."""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from deploy.library import AskedFor, Books, NoLibraryError, books_here, tell
from deploy.meaning import meaning_here
from deploy.output import complain, say
from shared.errors import HandrailError
from shared.runbook import parse_runbook
from shared.runbook.search import (
    Answer,
    Document,
    Hit,
    Meaning,
    Ranking,
    Read,
    RunbookSearch,
    Verdict,
)
from shared.yamlsource import SourceError

_COLORS: Final = {Verdict.CLEAR: "green", Verdict.CLOSE: "yellow", Verdict.NONE: "red"}
_DIGITS: Final = 4
#: So many texts take seconds to embed.
_MANY: Final = 50


def search(
    queries: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT…", help="What alerts say; else a line each from stdin."),
    ] = None,
    *,
    library: AskedFor = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to tell.")] = 5,
    words_only: Annotated[
        bool, typer.Option("--words-only", help="Not by meaning, though a model is installed.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each text.")
    ] = False,
) -> None:
    """Rank the runbooks for what an alert says, say why, and say when nothing fits."""
    books = asyncio.run(books_here(library))
    read = _read(books)
    tell(books)
    meaning = None if words_only else _meaning(read.documents)
    engine = RunbookSearch(read.documents, meaning=meaning)
    for query in queries or _lines(sys.stdin.buffer):
        answer = engine.search(query, limit=limit)
        if as_json:
            print(json.dumps(_fields(answer, books), ensure_ascii=False), flush=True)
        else:
            _print(answer)
    if not as_json:
        hint = "" if words_only or meaning else "; handrail[embeddings] adds meaning"
        by = Ranking.WORDS if meaning is None else Ranking.BOTH
        say(f"Ranked by {by} over {len(engine)} runbooks{hint}.", style="dim")


def _read(books: Books) -> Read:
    """Raises ``NoLibraryError`` where there is none; tells which it leaves out."""
    read = books.documents()
    for problem in read.problems:
        complain(HandrailError(f"left out: {problem}"))
    if not read.documents:
        raise NoLibraryError(f"{books.said}: there is no runbook here to search")
    return read


def _meaning(documents: Sequence[Document]) -> Meaning | None:
    """Search by meaning, where the model is installed; tells when it has to embed many texts."""
    meaning = meaning_here()
    new = 0 if meaning is None else meaning.unknown(documents)
    if new > _MANY:
        print(f"Embedding {new} runbooks, once; --words-only does without.", file=sys.stderr)
    return meaning


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Lines that say something, as they come."""
    for line in stream:
        text = line.decode(errors="replace").strip()
        if text:
            yield text


def _fields(answer: Answer, books: Books) -> dict[str, Any]:
    hits = [
        {
            **asdict(hit),
            "score": round(hit.score, _DIGITS),
            "fit": round(hit.fit, _DIGITS),
            "strength": round(hit.strength, _DIGITS),
            "mistakes": _mistakes(hit),
        }
        for hit in answer.hits
    ]
    return {**asdict(answer), "hits": hits, "runbooks": books.fields()}


def _print(answer: Answer) -> None:
    say(answer.query, style="bold")
    say(f"  {answer.verdict}: {answer.because}", style=_COLORS[answer.verdict])
    for place, hit in enumerate(answer.hits, 1):
        say(f"  {place}. {hit.name}  {hit.score:.3f}  {hit.title}")
        say(f"     {'; '.join(hit.why)}", style="dim")
        for mistake in _mistakes(hit):
            say(f"     {mistake}", style="red")
    say()


def _mistakes(hit: Hit) -> list[str]:
    """Why the runbook could not be used as it is; what it includes is not looked at."""
    # What is active stands in no file, and was checked before it became active.
    if not Path(hit.file).is_file():
        return []
    try:
        parse_runbook(Path(hit.file).read_text(encoding="utf-8"), file=hit.file)
    except SourceError as error:
        return [str(problem) for problem in error.problems]
    return []
