"""``handrail session pause|resume|cancel|retry``: what is to become of a session."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.connection import Place, reading
from deploy.directing import BECOMES, Wish, asked_for, changes, ended, taken
from deploy.output import AsJson, say, show_json
from deploy.speaking import NotDoneError, Voice, speaking
from services.executor.session import Session
from shared.errors import HandrailError
from shared.events import Directive, SessionDirected
from shared.lifecycle import SESSION_ENDED

SessionId = Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the timeline.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is done.")]


class UnreadableEditError(HandrailError):
    """An edit is not STEP=FILE, or the file cannot be read."""


def pause(
    session_id: SessionId, *, reason: Reason = "", no_wait: NoWait = False, as_json: AsJson = False
) -> None:
    """Let what runs come to its end, and begin nothing more until `resume`."""
    _directed(session_id, Wish(Directive.PAUSE, reason), wait=not no_wait, as_json=as_json)


def resume(
    session_id: SessionId, *, reason: Reason = "", no_wait: NoWait = False, as_json: AsJson = False
) -> None:
    """Let a session that was paused go on."""
    _directed(session_id, Wish(Directive.RESUME, reason), wait=not no_wait, as_json=as_json)


def cancel(
    session_id: SessionId,
    *,
    reason: Reason = "",
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Take back what was done, the last first.")
    ] = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """End a session: what runs is ended on its target, and what waits is left out."""
    wish = Wish(Directive.CANCEL, reason, rollback=rollback)
    _directed(session_id, wish, wait=not no_wait, as_json=as_json)


def retry(
    session_id: SessionId,
    *,
    reason: Reason = "",
    edit: Annotated[
        list[str] | None,
        typer.Option(metavar="STEP=FILE", help="Another command for a step: the text of a file."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask about the edits.")] = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Try a session again that did not succeed, from where it stopped; prints the new one's id."""
    wish = Wish(Directive.RETRY, reason, edits=_edits(edit or []))
    _directed(session_id, wish, wait=not no_wait, as_json=as_json, agreed=yes)


def _directed(prefix: str, wish: Wish, *, wait: bool, as_json: bool, agreed: bool = False) -> None:
    if wish.edits and not agreed:
        _agree(asyncio.run(_session(prefix)), wish.edits)
    before, said, after = asyncio.run(_do(prefix, wish, wait=wait))
    if as_json:
        show_json(_fields(before, said, after))
    else:
        _tell(before, said, after)


async def _session(prefix: str) -> Session:
    async with reading(Place.of()) as reader:
        return (await reader.session(prefix)).session


async def _do(
    prefix: str, wish: Wish, *, wait: bool
) -> tuple[Session, SessionDirected, Session | None]:
    async with speaking(Place.of()) as voice:
        before, said = await asked_for(voice, prefix, wish)
        await voice.say(said)
        return before, said, await _done(voice, before, said) if wait else None


async def _done(voice: Voice, before: Session, said: SessionDirected) -> Session:
    after = await taken(voice, before, said)
    return await ended(voice, after.id) if said.directive is Directive.CANCEL else after


def _agree(session: Session, edits: Mapping[str, str]) -> None:
    for line in changes(session, edits):
        color = {"+": "green", "-": "red"}.get(line[:1], "")
        say(line, style=color)
    if not sys.stdin.isatty():
        raise NotDoneError("nobody is at the terminal to look at the edits: say --yes")
    typer.confirm("Try it again with these commands?", abort=True)


def _edits(written: list[str]) -> dict[str, str]:
    edits: dict[str, str] = {}
    for one in written:
        step, equals, name = one.partition("=")
        if not step or not equals or not name:
            raise UnreadableEditError(f"{one!r} is no edit: write STEP=FILE")
        try:
            edits[step] = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise UnreadableEditError(f"--edit {step}: {name}: {why}") from error
    return edits


def _tell(before: Session, said: SessionDirected, after: Session | None) -> None:
    was = "paused" if before.paused else before.state
    if after is None:
        say(f"Said: session {before.id} was {was}, and is to be {BECOMES[said.directive]}.")
    elif said.directive is Directive.RETRY:
        say(f"Session {before.id} {was}, and is tried again as:")
        say(str(after.id))
    elif after.state in SESSION_ENDED:
        why = f": {after.ending.reason}" if after.ending else ""
        say(f"Session {before.id} was {was}; it has ended, {after.state}{why}.")
    else:
        say(f"Session {before.id} was {was}; it is {BECOMES[said.directive]}.")


def _fields(before: Session, said: SessionDirected, after: Session | None) -> dict[str, Any]:
    return {
        "session_id": before.id,
        "ticket_id": before.ticket_id,
        "directive": said.directive,
        "by": said.by,
        "was": "paused" if before.paused else before.state,
        "is": after and ("paused" if after.paused else after.state),
        "new_session_id": after.id if after and after.id != before.id else None,
    }
