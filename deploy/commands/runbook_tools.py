"""``handrail runbook graph|new|schema|test``: what helps those who write runbooks."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from deploy.library import directory
from deploy.output import AsJson, say, show_json
from shared.errors import HandrailError
from shared.runbook import Library, Runbook, load_runbooks
from shared.runbook.drawing import as_dot, as_mermaid, as_text
from shared.runbook.part import Name
from shared.runbook.schema import text as schema_text
from shared.runbook.starter import starter
from shared.runbook.trials import Trial, cases, tried

NamedRunbook = Annotated[str, typer.Argument(metavar="NAME", help="The name in its metadata.")]


class NoSuchRunbookError(HandrailError):
    """There is no usable runbook of this name."""


class NotMadeError(HandrailError):
    """A new runbook cannot be written there."""


def runbook_named(name: str, library: Library | None = None) -> Runbook:
    """One of the runbooks that are in use, or the one in a file.

    Raises:
        NoSuchRunbookError: there is none; says which there are, and what is wrong with its file.
    """
    library = library or load_runbooks(directory())
    found = library.get(name)
    if found is None:
        known = ", ".join(each.name for each in library.runbooks) or "none"
        wrong = "".join(f"\n{each}" for each in library.problems)
        raise NoSuchRunbookError(f"there is no runbook {name} (there are: {known}){wrong}")
    return found


def graph(
    name: NamedRunbook,
    *,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flowchart.")] = False,
    dot: Annotated[bool, typer.Option("--dot", help="As a Graphviz digraph.")] = False,
) -> None:
    """Draw the steps of a runbook and what they wait for."""
    draw = as_mermaid if mermaid else as_dot if dot else as_text
    print(draw(runbook_named(name).content.steps))


def schema() -> None:
    """Print the JSON Schema of runbooks, for editors."""
    print(schema_text(), end="")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the runbook is called.")],
    *,
    folder: Annotated[
        Path | None, typer.Option("--in", metavar="DIR", help="Where; else where those in use are.")
    ] = None,
) -> None:
    """Write a commented runbook to begin with; it has no mistakes."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        message = f"{name!r} is no name: write small letters, digits and hyphens"
        raise NotMadeError(message) from None
    file = (folder or directory()) / f"{name}.yaml"
    try:
        with file.open("x", encoding="utf-8") as made:
            made.write(starter(name))
    except OSError as error:
        raise NotMadeError(f"{file}: {error.strerror}") from error
    say(f"{file} is written. `handrail runbook lint {file}` tells mistakes, and")
    beside = file.parent / "runbook.schema.json"
    say(f"`handrail runbook schema > {beside}` lets editors complete it.")


def run_tests(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One runbook; else all that have tests.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Run a runbook's own tests, with no effect; ends with 1 when one fails."""
    chosen = [runbook_named(name)] if name else list(load_runbooks(directory()).runbooks)
    done = {book.name: [tried(book, case) for case in cases(book)] for book in chosen}
    trials = [trial for each in done.values() for trial in each]
    if as_json:
        show_json(
            {
                "ok": all(trial.passed for trial in trials),
                "runbooks": {
                    book: [{**asdict(trial), "passed": trial.passed} for trial in each]
                    for book, each in done.items()
                },
            }
        )
    else:
        _print(done)
    if name and not trials:
        raise NoSuchRunbookError(f"{name} has no tests: write them under `tests`")
    if not all(trial.passed for trial in trials):
        raise typer.Exit(1)


def _print(done: dict[str, list[Trial]]) -> None:
    for book, trials in done.items():
        for trial in trials:
            style, word = ("green", "ok    ") if trial.passed else ("red", "wrong ")
            say(f"{word} {book}: {trial.name}", style=style)
            for line in trial.wrong:
                say(f"       {line}")
