"""Lets sessions go on that wait for room on a target: who came first goes first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.executor.moves import Move

log = structlog.get_logger(__name__)

#: Of those that wait for what is free now, so many are looked at; the others a moment later.
AT_ONCE: Final = 20
#: A session that needs longer to go on, such as for a dry run, does so beside the others.
PATIENCE: Final = timedelta(seconds=2)

Held = Sequence[tuple[UUID, list[str]]]


class Sessions(Protocol):
    """See ``store.MongoSessions``."""

    async def held_back(
        self, on: Collection[str] | None = None, *, limit: int = 0
    ) -> list[tuple[UUID, list[str]]]: ...


class Room:
    """What sessions wait for, as far as is known here; other executors see it at their next look.

    ``go_on`` looks at a session again; the move that it made, if it made one.
    """

    def __init__(
        self,
        sessions: Sessions,
        go_on: Callable[[UUID], Awaitable[Move | None]],
        *,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._patience = patience.total_seconds()
        self._sessions = sessions
        self._go_on = go_on
        self._awaited: set[str] = set()
        self._going_on: dict[UUID, asyncio.Task[Move | None]] = {}

    def awaited(self, names: Iterable[str]) -> None:
        """Know that a session waits for these."""
        self._awaited.update(names)

    async def free(self, names: Iterable[str]) -> None:
        """Go on at once with who waits for what is free now.

        Raises:
            UnavailableError: the store does not answer; the next look finds them.
        """
        if self._awaited.isdisjoint(names):
            return
        free = self._awaited.intersection(names)
        self._awaited -= free
        await self._let_in(await self._sessions.held_back(free, limit=AT_ONCE))

    async def look(self) -> None:
        """Go on with all who can.

        Raises:
            UnavailableError: see ``free``.
        """
        held = await self._sessions.held_back()
        self._awaited = {name for _, names in held for name in names}
        await self._let_in(held)

    async def close(self) -> None:
        """Leave: what is not stored yet is done by others."""
        tasks = list(self._going_on.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _let_in(self, held: Held) -> None:
        """Once somebody goes on waiting for something, so do all behind."""
        taken: set[str] = set()
        for session_id, names in held:
            self._awaited.update(names)
            if session_id not in self._going_on and not taken.issuperset(names):
                taken.update(await self._looked_at(session_id, names))

    async def _looked_at(self, session_id: UUID, names: Sequence[str]) -> Iterable[str]:
        """What nobody else needs to try for after this session."""
        task = asyncio.ensure_future(self._go_on(session_id))
        self._going_on[session_id] = task
        task.add_done_callback(lambda _: self._going_on.pop(session_id, None))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done:
            task.add_done_callback(_heard)
            return ()
        move = task.result()
        if move is None:
            return names
        locks = [name for name in names if name.startswith("lock ")]
        return (*locks, *move.session.held_on)


def _heard(task: asyncio.Task[Move | None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("session.not_gone_on", reason=repr(error))
