"""``handrail approvals answer``: what a session wants to know, and the answer to it."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deploy.connection import Place
from deploy.decisions import NotDecidedError, fill_in, refuse
from deploy.output import AsJson, say, show_json
from services.notifier.inquiry import WORDS, Inquiry
from shared.events import FormField


def answer(
    question_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE…", help="What is filled in.")
    ] = None,
    *,
    none: Annotated[
        bool, typer.Option("--none", help="Nobody answers it; needs a --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="With --none: why; it is kept.")] = "",
    as_json: AsJson = False,
) -> None:
    """Answer what a session wants to know; `show` says what that is."""
    given = dict(_pair(one) for one in values or ())
    if none and given:
        raise NotDecidedError("either fill it in, or say --none")
    asking = refuse(Place.of(), question_id, reason=reason) if none else None
    said: dict[str, Any] = asyncio.run(asking or fill_in(Place.of(), question_id, given))
    if as_json:
        show_json(said)
    elif none:
        say("Recorded: nobody answers it. The plan goes on without.")
    else:
        told = ", ".join(f"{each['name']}: {each['value']}" for each in _values(said))
        say(f"Recorded: {told or 'as it was proposed'}. The plan goes on with that.")


def lines(inquiry: Inquiry) -> Iterator[tuple[str, str]]:
    """All of it, for a person to read."""
    yield "asked", inquiry.text
    yield "ticket", f"{inquiry.ticket_title} ({str(inquiry.ticket_id)[:8]})"
    if inquiry.command:
        yield "command", inquiry.command
        yield "target", inquiry.target
    yield "known", "\n".join(inquiry.evidence)
    for field in inquiry.fields:
        yield field.name, _field(field)
    if inquiry.who:
        yield "who may answer", ", ".join(inquiry.who)
    for said in inquiry.decisions:
        told = ", ".join(f"{each.name}: {each.value}" for each in said.values)
        yield said.by, said.reason if said.refused else told or "as it was proposed"


def asks(inquiry: Inquiry) -> str:
    """What it asks for, in a line."""
    return inquiry.command or f"{inquiry.text} ({', '.join(f.name for f in inquiry.fields)})"


def _field(field: FormField) -> str:
    about = [field.title, field.type.value if not field.options else ""]
    about += [f"{one}: {WORDS[one]}" if one in WORDS else one for one in field.options]
    if field.pattern:
        about.append(f"all of it matches {field.pattern}")
    if field.default is not None:
        about.append(f"{field.default} where it is left out")
    return "\n".join(filter(None, about))


def _pair(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not name or not equals:
        raise NotDecidedError(f"{written!r} is no answer: write NAME=VALUE")
    return name, value


def _values(said: dict[str, Any]) -> list[dict[str, str]]:
    decisions = said["decisions"]
    return decisions[-1]["values"] if decisions else []
