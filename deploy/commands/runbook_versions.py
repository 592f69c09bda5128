"""``handrail runbook versions|diff|activate|rollback|off|on``: which version is active, and why."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final

import typer

from deploy.output import AsJson, add, complain, console, say, show_json, table, when
from deploy.runbooks import catalog, note, state, told
from shared.runbook.versions import Catalog, Head, Version, VersionError
from shared.runbook.versions.difference import unified
from shared.runbook.versions.version import reference

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name in its metadata.")]
Ref = Annotated[
    str, typer.Argument(metavar="NAME@VERSION", help="Of the version, the beginning is enough.")
]
Why = Annotated[str, typer.Option("--why", help="Why; it is kept with the change.")]

_COLORS: Final = {"+": "green", "-": "red", "@": "cyan"}


def versions(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of one runbook; else what is active.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the versions of a runbook: who made them, when and why, and which one is active."""
    if name is None:
        _list(asyncio.run(_heads()), as_json=as_json)
        return
    head, known, changes = asyncio.run(_known(name))
    if as_json:
        listed = [_fields(one, head) for one in known]
        changed = [{**one, "at": one["at"].isoformat()} for one in changes]
        show_json({**told(head), "versions": listed, "changes": changed})
        return
    shown = table("", "version", "when", "who", "why", "from")
    for one in known:
        mark = ("*" if head.active else "off") if one.version == head.version else ""
        origin = f"{one.origin} {one.place}".strip()
        add(shown, mark, one.version, when(one.at), one.who, one.why, origin)
    console().print(shown)
    say(f"{head.ref} is {state(head)}.", style="dim")


def diff(
    name: Name,
    old: Annotated[str, typer.Argument(metavar="A", help="A version.")],
    new: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another; else the active one.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what changed from one version of a runbook to another."""
    before, after = asyncio.run(_two(name, old, new))
    changed = unified(before.text, after.text, old=before.ref, new=after.ref)
    if as_json:
        show_json(
            {"name": name, "from": before.version, "to": after.version, "diff": changed},
        )
        return
    if not changed:
        say("They are the same.")
    for line in changed.splitlines():
        say(line, style=_COLORS.get(line[:1], ""))


def activate(ref: Ref, *, why: Why, as_json: AsJson = False) -> None:
    """Have a version used from now on; its runbook is on then."""
    if "@" not in ref:
        raise typer.BadParameter(f"say which version: {ref}@…; `handrail runbook versions {ref}`")
    _changed(lambda runbooks: runbooks.activate(ref, note(why)), as_json=as_json)


def rollback(name: Name, *, why: Why = "rolled back", as_json: AsJson = False) -> None:
    """Go back to the version that was active before; once more: to the one before that."""
    _changed(lambda runbooks: runbooks.roll_back(name, note(why)), as_json=as_json)


def off(name: Name, *, why: Why, as_json: AsJson = False) -> None:
    """Have a runbook not used any more, whatever its file says, until `on`."""
    head = _changed(lambda runbooks: runbooks.turn_off(name, note(why)), as_json=as_json)
    naming = asyncio.run(_dependents(head.name))
    if naming:
        complain(VersionError(f"cannot be used either, since they include it: {', '.join(naming)}"))


def on(name: Name, *, why: Why, as_json: AsJson = False) -> None:
    """Have a runbook used again, with the version that it has."""
    _changed(lambda runbooks: runbooks.turn_on(name, note(why)), as_json=as_json)


def said(heads: Sequence[Head], *, as_json: bool) -> None:
    """Tell how changed runbooks stand now."""
    if as_json:
        show_json([told(head) for head in heads] if len(heads) != 1 else told(heads[0]))
        return
    for head in heads:
        say(f"{head.ref} is {state(head)}.", style="green" if head.active else "yellow")
        if head.active and head.file and head.version != head.file_version:
            say(f"Its file {head.file} wins again when it changes.", style="dim")


def _changed(change: Callable[[Catalog], Awaitable[Head]], *, as_json: bool) -> Head:
    async def go() -> Head:
        async with catalog() as runbooks:
            return await change(runbooks)

    head = asyncio.run(go())
    said([head], as_json=as_json)
    return head


def _list(heads: Sequence[Head], *, as_json: bool) -> None:
    if as_json:
        show_json([told(head) for head in heads])
        return
    shown = table("runbook", "version", "state", "since", "who", "why", "file")
    for head in heads:
        active = "active" if head.active else "off"
        add(
            shown,
            head.name,
            head.version,
            active,
            when(head.at),
            head.who,
            head.why,
            head.file or "",
        )
    console().print(shown)


async def _heads() -> list[Head]:
    async with catalog() as runbooks:
        return list((await runbooks.store.heads()).values())


async def _known(name: str) -> tuple[Head, list[Version], list[dict[str, Any]]]:
    async with catalog() as runbooks:
        head = await runbooks.head(name)
        return head, await runbooks.store.of(name), await runbooks.store.changes(name)


async def _two(name: str, old: str, new: str | None) -> tuple[Version, Version]:
    async with catalog() as runbooks:
        after = await runbooks.find(reference(name, new) if new else name)
        return await runbooks.find(reference(name, old)), after


async def _dependents(name: str) -> list[str]:
    async with catalog() as runbooks:
        return await runbooks.dependents(name)


def _fields(version: Version, head: Head) -> dict[str, Any]:
    fields = version.model_dump(mode="json", exclude={"text", "name"})
    return {**fields, "active": head.active == version.version}
