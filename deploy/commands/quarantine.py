"""``handrail quarantine``: webhooks of verified senders that were not understood."""

import asyncio
import os
from typing import Annotated, Any

import typer

from deploy.connection import Place, reading, storing, streaming
from deploy.output import AsJson, add, ago, console, say, show_json, table, when
from services.ingest.quarantine.kept import Quarantined
from services.ingest.quarantine.store import drop as forget
from services.ingest.replay import replaying
from services.ingest.ticket import Recorded
from shared.config import load_config

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Webhooks of verified senders that were not understood.",
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, or how that begins.")]


@app.command("list")
def list_(
    *,
    source: Annotated[str | None, typer.Option(help="Only those of this source.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was not understood; what came last is first."""
    kept = asyncio.run(_list(source, limit))
    if as_json:
        show_json([_facts(one) for one in kept])
        return
    shown = table("id", "source", "times", "last", "bytes", "reason")
    for one in kept:
        cells = str(one.id)[:8], one.source, str(one.times), ago(one.at), str(one.size), one.reason
        add(shown, *cells)
    if kept:
        console().print(shown)
    else:
        say("There is nothing in quarantine.")


@app.command()
def show(id_: Id, *, as_json: AsJson = False) -> None:
    """Show one webhook: why it was not understood, its headers and its body."""
    one = asyncio.run(_show(id_))
    if as_json:
        show_json({**_facts(one), "body": _text(one)})
        return
    say(f"{one.id} of {one.source}, {one.times} times, last {when(one.at)}\n{one.reason}")
    for problem in one.problems:
        say(f"  {problem}")
    say()
    for name, value in sorted(one.headers.items()):
        say(f"{name}: {value}", style="dim")
    say(f"\n{_text(one)}")
    if not one.whole:
        say(f"\nOnly {one.kept} of its {one.size} bytes were kept.", style="yellow")


@app.command()
def replay(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, or how they begin.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Try webhooks again; one that is understood now becomes tickets and leaves quarantine."""
    replayed = asyncio.run(_replay(ids))
    if as_json:
        show_json([_outcome(*each) for each in replayed])
        return
    for one, recorded in replayed:
        tickets = ", ".join(str(each.ticket_id) for each in recorded) or "no ticket"
        say(f"{one.id} of {one.source} is understood: {tickets}")


@app.command()
def drop(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, or how they begin.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Forget webhooks for good."""
    dropped = asyncio.run(_drop(ids))
    if as_json:
        show_json([_facts(one) for one in dropped])
        return
    for one in dropped:
        say(f"{one.id} of {one.source} is gone")


async def _list(source: str | None, limit: int) -> list[Quarantined]:
    async with reading(Place.of()) as reader:
        return await reader.quarantine(source=source, limit=limit)


async def _show(id_: str) -> Quarantined:
    async with reading(Place.of()) as reader:
        return await reader.quarantined(id_)


async def _replay(ids: list[str]) -> list[tuple[Quarantined, list[Recorded]]]:
    place = Place.of()
    config = load_config(place.home.config(os.environ))
    # Says at once when one of the servers is away, which a service would wait for.
    async with reading(place) as reader, streaming(place):
        chosen = [await reader.quarantined(id_) for id_ in ids]
    async with storing(place) as db, replaying(db, place.nats or "", config) as again:
        done = []
        for one in chosen:
            done.append((one, await again.take(one)))
            await forget(db, one.id)
        return done


async def _drop(ids: list[str]) -> list[Quarantined]:
    place = Place.of()
    async with reading(place) as reader, storing(place) as db:
        chosen = [await reader.quarantined(id_) for id_ in ids]
        for one in chosen:
            await forget(db, one.id)
        return chosen


def _facts(one: Quarantined) -> dict[str, Any]:
    return {**one.model_dump(mode="json", exclude={"body"}), "whole": one.whole}


def _outcome(one: Quarantined, recorded: list[Recorded]) -> dict[str, Any]:
    tickets = [{"id": str(each.ticket_id), "opened": each.opened} for each in recorded]
    return {"id": str(one.id), "source": one.source, "tickets": tickets}


def _text(one: Quarantined) -> str:
    """The body as text; what is no UTF-8 is escaped."""
    return one.body.decode(errors="backslashreplace")
