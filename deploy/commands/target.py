"""``handrail target``: where steps run, and targets that are added while services run."""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import stamina
import typer
from pydantic import SecretStr

from deploy.connection import NotRunningError, Place, storing
from deploy.home import Home
from deploy.output import AsJson, add, console, say, show_json, table, when
from deploy.person import person
from deploy.targets import Known, NoSuchTargetError
from shared.config import Config, Target, load_config
from shared.config.section import Section
from shared.connectors.reach import reach
from shared.connectors.registry import Connectors
from shared.connectors.trying import Tried, tried
from shared.credentials.settings import CredentialSettings
from shared.errors import HandrailError
from shared.settings import load_settings
from shared.store import Database
from shared.targets.live import usable
from shared.targets.store import Declared, MongoTargets
from shared.yamlsource import Problem, Source, SourceError, read_file

app = typer.Typer(
    add_completion=False,
    help="Where steps run: what handrail.yaml declares, and what was added since.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The target.")]
_SECONDS: Final = 30


class _File(Section):
    """As the part of ``handrail.yaml``."""

    targets: dict[str, Target]


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show each target: how it is reached, and what it is called."""
    known = asyncio.run(_known())
    if as_json:
        show_json([known.told(name) for name in known.names()])
        return
    shown = table("name", "reached", "environment", "also called", "from")
    for name in known.names():
        told = known.told(name)
        called = [*told["aliases"], *(f"{key}={value}" for key, value in told["match"].items())]
        reached = told["problem"] or told["reached"]
        add(shown, name, reached, told["environment"] or "", ", ".join(called), told["from"])
    console().print(shown)


@app.command()
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show all that is declared of a target; secrets by where they are."""
    known = asyncio.run(_known())
    told = known.told(name)
    if as_json:
        show_json(told)
        return
    say(f"{name}: {told['problem'] or told['reached']}")
    say(f"from {told['from']}" + (f", by {told['by']} {when(told['at'])}" if told["by"] else ""))
    say(json.dumps(told["declared"], indent=2, ensure_ascii=False))


@app.command("add")
def add_(
    file: Annotated[Path, typer.Argument(help="YAML with `targets:` as in handrail.yaml.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Of equal names too.")] = False,
) -> None:
    """Add targets; services know them within seconds, and a name in handrail.yaml goes before."""
    source = read_file(file)
    found = source.parse(_File)
    config = _config()
    wrong = [
        source.problem(("targets", name), "handrail.yaml declares a target of this name")
        for name in found.targets
        if name in config.targets
    ]
    asyncio.run(_added(found, source, wrong, replace=replace))
    say(f"added: {', '.join(found.targets)}")


@app.command()
def remove(name: Name) -> None:
    """Have an added target no more; what runs there goes on."""
    if name in _config().targets:
        raise HandrailError(f"{name} is declared in handrail.yaml: take it out there")
    asyncio.run(_removed(name))
    say(f"removed: {name}")


@app.command("test")
def try_(
    name: Name,
    *,
    seconds: Annotated[int, typer.Option(help="How long it may take.", min=1)] = _SECONDS,
    as_json: AsJson = False,
) -> None:
    """Open a target and have a harmless look, with its real credentials."""
    began = time.monotonic()
    outcome = asyncio.run(_tested(name, timedelta(seconds=seconds)))
    took = round(time.monotonic() - began, 2)
    if as_json:
        show_json({"target": name, "ok": outcome.ok, "told": outcome.told, "seconds": took})
    else:
        style = "green" if outcome.ok else "red"
        say(f"{name}: {outcome.told} ({took} s)", style=style)
    if not outcome.ok:
        raise typer.Exit(1)


async def _known() -> Known:
    config, home = _config(), Home.of(os.environ)
    try:
        async with storing(Place.of()) as db:
            added = await MongoTargets(db).all()
    except NotRunningError:
        # What the file declares can be looked at before anything runs.
        added = []
    targets = {**usable(added, config.targets)[0], **config.targets}
    return Known.of(config.targets, added, Connectors(config, home.path, targets))


async def _added(found: _File, source: Source, wrong: list[Problem], *, replace: bool) -> None:
    place = Place.of()
    async with storing(place) as db:
        store = MongoTargets(db)
        before = [each for each in await store.all() if each.name not in found.targets]
        declared = [_declared(name, target) for name, target in found.targets.items()]
        _, unusable = usable([*before, *declared], _config().targets)
        wrong += [
            source.problem(("targets", name), reason)
            for name, reason in unusable.items()
            if name in found.targets and name not in _config().targets
        ]
        if wrong:
            raise SourceError(wrong)
        for each in declared:
            await (store.put(each) if replace else store.add(each))


def _declared(name: str, target: Target) -> Declared:
    said = target.model_dump(mode="json", exclude_unset=True)
    return Declared(name, said, datetime.now(UTC), person())


async def _removed(name: str) -> None:
    async with storing(Place.of()) as db:
        await MongoTargets(db).remove(name)


async def _tested(name: str, limit: timedelta) -> Tried:
    config, home = _config(), Home.of(os.environ)
    try:
        async with storing(Place.of()) as db:
            return await _tried_with(db, config, home, name, limit)
    except NotRunningError:
        connectors = Connectors(config, home.path)
        return await _tried(name, config.targets, connectors, limit)


async def _tried_with(
    db: Database, config: Config, home: Home, name: str, limit: timedelta
) -> Tried:
    settings = load_settings(CredentialSettings)
    key = home.known_secret_key(os.environ)
    settings = settings.model_copy(update={"secret_key": SecretStr(key) if key else None})
    hands = reach(config, settings, home.path, db, by=f"target test by {person()}")
    await hands.look()
    outcome = await _tried(name, hands.targets, hands.connectors, limit)
    # That a credential was used is noted with the next look.
    await hands.look()
    return Tried(outcome.ok, hands.mask(outcome.told))


async def _tried(
    name: str, targets: Mapping[str, Target], connectors: Connectors, limit: timedelta
) -> Tried:
    if name not in targets:
        raise NoSuchTargetError(name, sorted(targets))
    hooks = stamina.instrumentation.get_on_retry_hooks()
    # What is tried again is told by what comes of it.
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        return await tried(name, targets[name], connectors, limit)
    finally:
        stamina.instrumentation.set_on_retry_hooks(hooks)
        await connectors.close()


def _config() -> Config:
    return load_config(Home.of(os.environ).config(os.environ))
