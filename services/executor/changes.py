"""Makes changes of sessions durable: of one session one after the other, many in one write."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.executor.moves import Move, joined
from services.executor.session import Session
from shared.errors import HandrailError, UnavailableError
from shared.events import Event
from shared.store import Document

log = structlog.get_logger(__name__)

Decide = Callable[[Session], Move | None]

# How many times a change is made anew because others changed the session in between. Each time
# one of them has got on, so that with this many nobody is stuck.
CONFLICTS_MOST: Final = 100
#: Who decides for longer, such as over a dry run, lets others of the same session go ahead.
TURN: Final = timedelta(seconds=2)


class Sessions(Protocol):
    """See ``store.MongoSessions``."""

    async def load(self, session_id: UUID) -> Session | None: ...
    async def save(self, rev: int, move: Move) -> list[Document] | None: ...


class Flush(Protocol):
    """See ``shared.outbox.Outbox``."""

    async def flush(self, document_id: UUID, entries: list[Document]) -> None: ...
    def replaced(self, document_id: UUID) -> None: ...


class NoSuchSessionError(UnavailableError):
    """The session of an event is not in the store (yet)."""


@dataclass(eq=False)
class _Wish:
    """A change that somebody wants, and what became of it."""

    decide: Decide
    is_taken: bool = False
    is_done: bool = False
    move: Move | None = None
    error: HandrailError | None = None

    def result(self) -> Move | None:
        if self.error is not None:
            raise self.error
        return self.move


@dataclass
class _Lane:
    """The changes that are wanted of one session."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wishes: list[_Wish] = field(default_factory=list)

    def taken_with(self, first: _Wish) -> list[_Wish]:
        """This change, and those that nobody makes yet."""
        taken = [first, *(wish for wish in self.wishes if wish is not first and not wish.is_taken)]
        for wish in taken:
            wish.is_taken = True
        return taken


class Changes:
    """The changes of all sessions that this executor makes; ``owner`` is its name.

    ``admitted`` lets in what is due in a move, or not. ``stored`` is told once of each move that is
    durable. ``signed`` puts the signature to events that need one.
    """

    def __init__(
        self,
        owner: str,
        *,
        sessions: Sessions,
        outbox: Flush,
        admitted: Callable[[Move], Awaitable[Move]],
        stored: Callable[[Move], None],
        signed: Callable[[Event], Event],
        turn: timedelta = TURN,
    ) -> None:
        self._most = turn
        self._owner = owner
        self._sessions = sessions
        self._outbox = outbox
        self._admitted = admitted
        self._stored = stored
        self._signed = signed
        self._lanes: dict[UUID, _Lane] = {}
        # Sessions with a step that runs here, as they were stored last.
        self._latest: dict[UUID, Session] = {}

    async def make(self, session_id: UUID, decide: Decide) -> Move | None:
        """Decide over the session as it is, store the change and tell of it.

        ``decide`` may be asked several times. Returns None when it wants no change; what is
        returned has also what others wanted at the same time.

        Raises:
            UnavailableError: the store does not answer; nothing was changed, or what was changed
                is found by the sweeps.
        """
        lane, wish = self._lanes.setdefault(session_id, _Lane()), _Wish(decide)
        lane.wishes.append(wish)
        made = None
        try:
            async with _turn(lane.lock, self._most):
                if not wish.is_done:
                    made = await self._made(session_id, lane.taken_with(wish))
        finally:
            lane.wishes.remove(wish)
            if not lane.wishes:
                del self._lanes[session_id]
        if made is not None:
            await self._tell(*made)
        return wish.result()

    async def _made(
        self, session_id: UUID, wishes: list[_Wish]
    ) -> tuple[Session, Session, list[Document]] | None:
        """The session as it was, and as it is stored now, and the events that tell of it."""
        known = self._latest.get(session_id)
        for _ in range(CONFLICTS_MOST):
            session = known or await self._loaded(session_id)
            move = _decided(session, wishes)
            was_known, known = known is not None, None
            if was_known and not all(wish.move for wish in wishes):
                # They may want something of it as it really is.
                continue
            if move is not None:
                move = await self._admitted(move)
            if move is None or (move.session == session and not move.claimed):
                _settled(wishes, None)
                return None
            move = replace(move, events=list(map(self._signed, move.events)))
            entries = await self._sessions.save(session.rev, move)
            if entries is not None:
                stored = self._remembered(move.session)
                self._stored(move)
                _settled(wishes, move)
                return move.session, stored, entries
        raise UnavailableError(f"session {session_id} is changed by too many at once")

    async def _loaded(self, session_id: UUID) -> Session:
        session = await self._sessions.load(session_id)
        if session is None:
            raise NoSuchSessionError(f"there is no session {session_id}")
        return session

    def _remembered(self, session: Session) -> Session:
        """The session as it is stored now, kept in mind while a step of it runs here."""
        stored = session.model_copy(update={"rev": session.rev + 1, "untold": True})
        if not session.untold:
            self._outbox.replaced(session.id)
        if self._owner in session.owners():
            self._latest[session.id] = stored
        else:
            self._latest.pop(session.id, None)
        return stored

    async def _tell(self, before: Session, stored: Session, entries: list[Document]) -> None:
        try:
            await self._outbox.flush(before.id, entries)
        except UnavailableError as error:
            # They stand in the session; the sweep publishes them when the bus is back.
            log.warning("events.kept", session_id=str(before.id), reason=str(error))
            return
        if not before.untold and self._latest.get(before.id) is stored:
            self._latest[before.id] = stored.model_copy(update={"untold": False})


def _decided(session: Session, wishes: list[_Wish]) -> Move | None:
    """All that is wanted, each over what the one before it made of the session."""
    whole: Move | None = None
    for wish in wishes:
        if wish.is_done:
            continue
        wish.move, wish.error = None, None
        try:
            wish.move = wish.decide(whole.session if whole else session)
        except HandrailError as error:
            wish.error = error
        if wish.move is not None:
            whole = joined(whole, wish.move) if whole else wish.move
    return whole


def _settled(wishes: list[_Wish], move: Move | None) -> None:
    for wish in wishes:
        if not wish.is_done:
            wish.is_done = True
            wish.move = move if wish.move is not None else None


@asynccontextmanager
async def _turn(lock: asyncio.Lock, most: timedelta) -> AsyncIterator[None]:
    """Hold a lock, but not for long: what is stored is guarded in the store as well."""
    await lock.acquire()
    loop, ends = asyncio.get_running_loop(), [lock.release]

    def end() -> None:
        for release in ends:
            release()
        ends.clear()

    over = loop.call_later(most.total_seconds(), end)
    try:
        yield
    finally:
        over.cancel()
        end()
