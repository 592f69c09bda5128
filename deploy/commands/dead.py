"""``handrail dead``: messages that a service could not handle."""

import asyncio
from typing import Annotated, Any

import typer

from deploy.connection import Place, streaming
from deploy.output import AsJson, add, ago, console, say, show_json, table, when
from shared.bus import dead
from shared.bus.dead import DeadLetter

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Messages that a service could not handle."
)

Number = Annotated[int, typer.Argument(min=1, metavar="NUMBER", help="As `dead list` shows it.")]


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show all dead letters, the oldest first."""
    letters = asyncio.run(_list())
    if as_json:
        show_json([_fields(letter) for letter in letters])
        return
    shown = table("number", "service", "subject", "ticket", "tries", "when", "error")
    for letter in letters:
        add(
            shown,
            str(letter.seq),
            letter.service,
            letter.subject,
            letter.ticket_id[:8],
            str(letter.delivered),
            ago(letter.at) if letter.at else "",
            f"{letter.kind}: {letter.error}",
        )
    if letters:
        console().print(shown)
    else:
        say("There are no dead letters.")


@app.command()
def show(number: Number, *, as_json: AsJson = False) -> None:
    """Show one dead letter with its headers and its body."""
    letter = asyncio.run(_show(number))
    if as_json:
        show_json(_fields(letter))
        return
    say(f"{letter.subject} given up by {letter.service} after {letter.delivered} tries")
    say(f"{when(letter.at)}\n{letter.kind}: {letter.error}\n")
    for name, value in sorted(letter.headers.items()):
        say(f"{name}: {value}", style="dim")
    say(f"\n{dead.body_text(letter.body)}")


@app.command()
def replay(
    numbers: Annotated[list[int], typer.Argument(min=1, metavar="NUMBER…")],
    *,
    as_json: AsJson = False,
) -> None:
    """Bring dead letters back: publish each on its old subject again."""
    replayed = asyncio.run(_replay(numbers))
    if as_json:
        show_json([_fields(letter) for letter in replayed])
        return
    for letter in replayed:
        say(f"{letter.seq} is on {letter.subject} again, for ticket {letter.ticket_id}")


async def _list() -> list[DeadLetter]:
    async with streaming(Place.of()) as js:
        return [letter async for letter in dead.letters(js)]


async def _show(number: int) -> DeadLetter:
    async with streaming(Place.of()) as js:
        return await dead.letter(js, number)


async def _replay(numbers: list[int]) -> list[DeadLetter]:
    async with streaming(Place.of()) as js:
        return [await dead.replay(js, number) for number in numbers]


def _fields(letter: DeadLetter) -> dict[str, Any]:
    return {
        "number": letter.seq,
        "service": letter.service,
        "subject": letter.subject,
        "durable": letter.durable,
        "ticket_id": letter.ticket_id,
        "delivered": letter.delivered,
        "at": letter.at.isoformat() if letter.at else None,
        "kind": letter.kind,
        "error": letter.error,
        "headers": letter.headers,
        "body": dead.body_text(letter.body),
    }
