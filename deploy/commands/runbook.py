"""``handrail runbook``: what is wrong in runbooks, what stands in one, which are for an alert."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.commands.runbook_exchange import edit, export, fork, import_
from deploy.commands.runbook_run import run
from deploy.commands.runbook_search import search
from deploy.commands.runbook_tools import (
    graph,
    new,
    run_tests,
    runbook_named,
    schema,
)
from deploy.commands.runbook_versions import activate, diff, off, on, rollback, versions
from deploy.library import directory
from deploy.naming import warnings
from deploy.output import AsJson, add, colored, console, say, show_json, table, when
from deploy.runbooks import Shown, state, version_shown
from shared.errors import HandrailError
from shared.runbook import Runbook, lint, parse_runbook
from shared.runbook.library import readable
from shared.runbook.steps import IncludeTemplate
from shared.yamlsource import SourceError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What is wrong in runbooks, what stands in one, and which are for an alert.",
)


for _command in (graph, new, run, schema, search):
    app.command()(_command)
app.command("test")(run_tests)
for _versioned in (versions, diff, activate, rollback, off, on, edit, fork, export):
    app.command()(_versioned)
app.command("import")(import_)


@app.command("lint")
def lint_(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH…", help="Files and folders; else those that are in use."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say every mistake with its line and column; ends with 1 when there is one.

    Hints say what runbooks name and handrail.yaml does not declare, which may still come.
    """
    paths = paths or [directory()]
    problems = lint(paths)
    hints = asyncio.run(warnings(readable(paths), os.environ))
    if as_json:
        shown = {"problems": problems, "warnings": hints}
        told = {name: [asdict(one) for one in each] for name, each in shown.items()}
        show_json({"ok": not problems, **told})
    else:
        for problem in problems:
            say(str(problem), style="red")
        for hint in hints:
            say(f"{hint} (a hint)", style="yellow")
        if not problems:
            say("No mistakes.", style="green")
    if problems:
        raise typer.Exit(1)


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME[@VERSION]", help="The one that is in use, or that version."),
    ],
    *,
    text: Annotated[
        bool, typer.Option("--text", help="Print its text, every character as it is.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a runbook: the active version or another one; the file, where nothing runs."""
    shown = asyncio.run(version_shown(name))
    if text and shown is not None:
        typer.echo(shown.version.text.encode(), nl=False)
        return
    runbook = runbook_named(name) if shown is None else _runbook(shown)
    if text:
        typer.echo(Path(runbook.file).read_bytes(), nl=False)
    elif as_json:
        show_json({**_fields(runbook), **(_version_fields(shown) if shown else {})})
    else:
        _print(runbook)
        if shown is not None:
            _print_version(shown)


class UnreadableVersionError(HandrailError):
    """A version was right when it was stored, and is not by today's rules."""


def _runbook(shown: Shown) -> Runbook:
    version = shown.version
    try:
        return parse_runbook(version.text, file=version.place or version.ref)
    except SourceError as error:
        message = f"{version.ref} is wrong by today's rules; --text prints it as it is\n{error}"
        raise UnreadableVersionError(message) from error


def _version_fields(shown: Shown) -> dict[str, Any]:
    said = {"who", "at", "why", "origin", "place", "parent"}
    fields = shown.version.model_dump(mode="json", include=said)
    return {**fields, "active": shown.is_active}


def _print_version(shown: Shown) -> None:
    made = shown.version
    say(f"\nversion  {made.version}, by {made.who}, {when(made.at)}: {made.why}")
    if shown.is_active:
        say("It is active.", style="green")
    else:
        say(f"{shown.head.ref} is {state(shown.head)}.", style="dim")


def _fields(runbook: Runbook) -> dict[str, Any]:
    content = runbook.content.model_dump(mode="json", by_alias=True)
    return {**content, "version": runbook.version, "file": runbook.file}


def _print(runbook: Runbook) -> None:
    content = runbook.content
    say(content.metadata.title, style="bold")
    say(f"{runbook.name}, version {runbook.version}, {runbook.file}\n", style="dim")
    if content.description.strip():
        say(content.description.strip() + "\n")
    say("for      " + (", ".join(content.match.alerts) or "any alert"))
    if content.match.when:
        say(f"when     {content.match.when}")
    for name, param in content.params.items():
        origin = param.origin or f"{param.default!r}"
        say(
            f"param    {name}, from {origin}" + ("" if param.must_be_there else " (may be missing)")
        )
    say()
    steps = table("step", "needs", "risk", "effect", "target", "command")
    for step in content.steps:
        needs = ", ".join(step.needs)
        if isinstance(step, IncludeTemplate):
            each = "" if step.foreach is None else f", for each of {step.foreach.items}"
            add(steps, step.id, needs, "", "", "", f"the runbook {step.runbook}{each}")
        else:
            target = f"{step.uses} {step.target}".strip()
            run = step.actions().run.strip()
            add(steps, step.id, needs, colored(step.risk), step.effect, target, run)
    console().print(steps)
    for check in content.verify:
        fields = check.model_dump(mode="json", exclude={"uses"}, exclude_none=True)
        said = ", ".join(f"{name} {value}" for name, value in fields.items())
        say(f"\nverify   {check.uses}: {said}")
