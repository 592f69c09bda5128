"""``handrail runbook search``: rank the runbooks for what an alert says, with nothing running."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from deploy.home import Home
from deploy.output import complain, say
from shared.errors import HandrailError
from shared.runbook import parse_runbook
from shared.runbook.search import (
    Answer,
    Document,
    Hit,
    Meaning,
    Read,
    RunbookSearch,
    VectorFile,
    Verdict,
    installed,
    read_documents,
)
from shared.yamlsource import SourceError

Directory = Callable[[], Path]

_COLORS: Final = {Verdict.CLEAR: "green", Verdict.CLOSE: "yellow", Verdict.NONE: "red"}
_DIGITS: Final = 4
#: As the output says it.
_BY_WORDS: Final = "words"
_BY_BOTH: Final = "words and meaning"
#: So many texts take seconds to embed.
_MANY: Final = 50


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
        words_only: Annotated[
            bool, typer.Option("--words-only", help="Not by meaning, though a model is installed.")
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print one line of JSON for each text.")
        ] = False,
    ) -> None:
        """Rank the runbooks for what an alert says, say why, and say when nothing fits."""
        read = _read(library or directory())
        meaning = None if words_only else _meaning(read.documents)
        by = _BY_WORDS if meaning is None else _BY_BOTH
        engine = RunbookSearch(read.documents, meaning=meaning)
        for query in queries or _lines(sys.stdin.buffer):
            answer = engine.search(query, limit=limit)
            if as_json:
                print(json.dumps(_fields(answer, by), ensure_ascii=False), flush=True)
            else:
                _print(answer)
        if not as_json:
            hint = "" if words_only or meaning else "; handrail[embeddings] adds meaning"
            say(f"Ranked by {by} over {len(engine)} runbooks{hint}.", style="dim")

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


def _meaning(documents: Sequence[Document]) -> Meaning | None:
    """Search by meaning, where the model is installed; tells when it has to embed many texts."""
    model = installed()
    if model is None:
        return None
    home = Home.of(os.environ)
    meaning = Meaning(model, VectorFile(home.path / "search" / "vectors.sqlite3"))
    new = meaning.unknown(documents)
    if new > _MANY:
        note = f"Embedding {new} runbooks, once; --words-only does without."
        print(note, file=sys.stderr)
    return meaning


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Lines that say something, as they come."""
    for line in stream:
        text = line.decode(errors="replace").strip()
        if text:
            yield text


def _fields(answer: Answer, by: str) -> dict[str, Any]:
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
    return {**asdict(answer), "hits": hits, "ranked_by": by}


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
    try:
        parse_runbook(Path(hit.file).read_text(encoding="utf-8"), file=hit.file)
    except SourceError as error:
        return [str(problem) for problem in error.problems]
    return []
