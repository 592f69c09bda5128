"""``handrail runbook edit|fork|export|import``: versions from files outside, and out again."""

import asyncio
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.runbook_versions import Name, Why, said
from deploy.output import AsJson, say, show_json
from deploy.runbooks import catalog, incoming, note
from shared.errors import HandrailError
from shared.runbook.versions import Head, Incoming, Origin, Version
from shared.runbook.versions.exchange import exported, imported
from shared.yamlsource import Problem, SourceError


class NotWrittenError(HandrailError):
    """A file cannot be written, or has something else in it."""


class Format(StrEnum):
    """How runbooks go out."""

    YAML = "yaml"
    JSON = "json"


def edit(
    name: Name,
    *,
    file: Annotated[Path, typer.Option("--file", help="Its new text, YAML or JSON.")],
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Make a version of a runbook from a text, and have it used until its own file changes."""
    text = _text(file, Origin.EDITED)

    async def go() -> Head:
        async with catalog() as runbooks:
            return await runbooks.edit(name, text, note(why))

    said([asyncio.run(go())], as_json=as_json)


def fork(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="What it is made of.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is called.")],
    *,
    changed: Annotated[
        Path | None, typer.Option("--edit", metavar="FILE", help="Its text, else the same.")
    ] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Make a runbook of another one; it is off until `on`, being for the same alerts."""
    text = _text(changed, Origin.FORKED) if changed else None

    async def go() -> Head:
        async with catalog() as runbooks:
            return await runbooks.fork(name, new, note(why or f"forked from {name}"), text)

    said([asyncio.run(go())], as_json=as_json)


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME[@VERSION]…", help="The active version, or this one."),
    ] = None,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="All runbooks, those that are off too.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="How.")] = Format.YAML,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A file for each; else to the terminal.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over other files.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write runbooks out without a loss: YAML as it is, JSON with the text beside it."""
    if bool(names) == all_:
        raise typer.BadParameter("say which: NAME…, or --all for all of them")
    found = asyncio.run(_found(names))
    if out is None:
        _print(found, Format.JSON if as_json else format_)
        return
    written = [_write(one, format_, out, force=force) for one in found]
    if as_json:
        show_json(
            [
                {"name": one.name, "version": one.version, "file": str(file)}
                for one, file in zip(found, written, strict=True)
            ]
        )
        return
    for file in written:
        say(str(file))


def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="YAML, or JSON as `export` writes it.")
    ],
    *,
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Take runbooks in, new ones and new texts of those that are there, and have them used.

    With a mistake in one of the files nothing is changed.
    """
    texts = _texts(files, Origin.IMPORTED)
    if not texts:
        raise typer.BadParameter("there is no runbook in it")

    async def go() -> list[Head]:
        async with catalog() as runbooks:
            return await runbooks.take_in(texts, note(why))

    said(asyncio.run(go()), as_json=as_json)


def _text(file: Path, origin: Origin) -> Incoming:
    """The one text in a file."""
    texts = _texts([file], origin)
    if len(texts) != 1:
        message = f"one runbook is expected, and it has {len(texts)}"
        raise SourceError([Problem(str(file), 1, 1, message)])
    return texts[0]


def _texts(files: Sequence[Path], origin: Origin) -> list[Incoming]:
    """All texts in files."""
    texts = []
    for file in files:
        one = incoming(file, origin)
        texts += [Incoming(text, one.file, origin) for text in imported(one.text, file=one.file)]
    return texts


async def _found(names: Sequence[str] | None) -> list[Version]:
    async with catalog() as runbooks:
        return [await runbooks.find(ref) for ref in names or await runbooks.store.heads()]


def _print(versions: Sequence[Version], format_: Format) -> None:
    if format_ is Format.JSON:
        made = [exported(version) for version in versions]
        show_json(made if len(made) != 1 else made[0])
    elif len(versions) == 1:
        # Bytes: a terminal's encoding and line ends are not the text's.
        typer.echo(versions[0].text.encode(), nl=False)
    else:
        raise typer.BadParameter("several runbooks as YAML need a place each: say --out DIR")


def _write(version: Version, format_: Format, out: Path, *, force: bool) -> Path:
    text = version.text
    if format_ is Format.JSON:
        text = json.dumps(exported(version), ensure_ascii=False, indent=2) + "\n"
    file = out / f"{version.name}.{format_}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.read_bytes() != text.encode() and not force:
            raise NotWrittenError(f"{file}: has something else in it; --force writes over it")
        file.write_bytes(text.encode())
    except OSError as error:
        raise NotWrittenError(f"{file}: cannot be written: {error.strerror}") from error
    return file
