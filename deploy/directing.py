"""What a person wants of a session: what may be asked of it, and when it is done."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from deploy.person import person
from deploy.speaking import PATIENCE, NotDoneError, Voice, until
from deploy.store import NotFoundError
from services.executor.directive import NothingToRetryError, retried
from services.executor.session import Session
from shared.events import Directive, Edit, SessionDirected
from shared.lifecycle import SESSION_ENDED, TICKET_ENDED

#: What a session is when it was done.
BECOMES: Mapping[Directive, str] = {
    Directive.PAUSE: "paused: what runs comes to its end, and nothing more begins",
    Directive.RESUME: "going on",
    Directive.CANCEL: "ended",
    Directive.RETRY: "tried again",
}


@dataclass(frozen=True)
class Wish:
    """What is asked for, and why; ``edits`` are other commands, by the steps' names."""

    directive: Directive
    reason: str = ""
    rollback: bool = False
    edits: Mapping[str, str] | None = None

    def said(self, session: Session, by: str) -> SessionDirected:
        """The event, not signed yet."""
        return SessionDirected(
            id=uuid4(),
            ticket_id=session.ticket_id,
            session_id=session.id,
            directive=self.directive,
            by=by,
            at=datetime.now(UTC),
            reason=self.reason,
            rollback=self.rollback,
            edits=tuple(Edit(step_id=id_, run=run) for id_, run in (self.edits or {}).items()),
        )


async def asked_for(voice: Voice, prefix: str, wish: Wish) -> tuple[Session, SessionDirected]:
    """The session, and the signed word on it, if it makes sense now.

    Raises:
        NotFoundError: there is no such session, or there are several.
        NotDoneError: it makes no sense; says why, and what would.
    """
    session = (await voice.reader.session(prefix)).session
    said = wish.said(session, person())
    if wish.directive is Directive.RETRY:
        await _check_retry(voice, session, said)
    elif objection := _objection(session, wish.directive):
        raise NotDoneError(objection)
    return session, voice.signer.signed_directive(said)


async def taken(voice: Voice, session: Session, said: SessionDirected) -> Session:
    """The session once an executor has heeded the word on it; of a retry, the new one.

    Raises:
        NotDoneError: none did in time.
    """
    again = said.directive is Directive.RETRY
    becomes = retried(session, said).id if again else session.id

    async def look() -> Session | None:
        now = await found_session(voice, becomes)
        return now if now is not None and _heeded(now, said.directive) else None

    slow = (
        f"no executor has heeded it within {PATIENCE.total_seconds():g} s; it stands, and counts "
        "when one does (`handrail doctor` says what is wrong)"
    )
    return await until(look, within=PATIENCE, otherwise=slow)


async def ended(voice: Voice, session_id: UUID) -> Session:
    """The session once it has ended, however long that takes."""

    async def look() -> Session | None:
        session = await found_session(voice, session_id)
        return session if session is not None and session.state in SESSION_ENDED else None

    return await until(look, within=None)


def changes(session: Session, edits: Mapping[str, str]) -> Iterator[str]:
    """What the edits change, line by line."""
    for step_id, run in edits.items():
        before = session.step(step_id).run if session.has_step(step_id) else ""
        lines = difflib.unified_diff(
            before.splitlines(), run.splitlines(), f"{step_id}, as it was", step_id, lineterm=""
        )
        yield from lines


def _objection(session: Session, directive: Directive) -> str:
    """Why it makes no sense; empty where it does."""
    if session.state in SESSION_ENDED:
        hint = "" if session.state == "succeeded" else ": `handrail session retry` tries it again"
        return f"session {session.id} has ended, it {session.state}{hint}"
    if session.ending is not None:
        return f"session {session.id} is being ended: {session.ending.reason}"
    if directive is Directive.PAUSE and session.paused:
        return f"session {session.id} is paused already, by {session.paused}"
    if directive is Directive.RESUME and not session.paused:
        return f"session {session.id} is not paused, it is {session.state}"
    return ""


async def _check_retry(voice: Voice, session: Session, said: SessionDirected) -> None:
    try:
        retried(session, said)
    except NothingToRetryError as error:
        raise NotDoneError(str(error)) from error
    ticket = await voice.reader.ticket(str(session.ticket_id))
    if ticket.state in TICKET_ENDED:
        raise NotDoneError(f"its ticket is {ticket.state}: there is nothing left to mend")
    for other in await voice.reader.sessions_of(session.ticket_id):
        if other.retry_of == session.id:
            raise NotDoneError(f"it was tried again already, as session {other.id}")
        if other.state not in SESSION_ENDED:
            raise NotDoneError(f"session {other.id} is under way for the same ticket")


def _heeded(session: Session, directive: Directive) -> bool:
    match directive:
        case Directive.PAUSE:
            return bool(session.paused) or session.state in SESSION_ENDED
        case Directive.RESUME:
            return not session.paused
        case Directive.CANCEL:
            return session.ending is not None or session.state in SESSION_ENDED
    return True


async def found_session(voice: Voice, session_id: UUID) -> Session | None:
    """A session as it stands; None where there is none yet."""
    try:
        return (await voice.reader.session(str(session_id))).session
    except NotFoundError:
        return None
