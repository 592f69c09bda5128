"""Drives sessions: makes their changes durable, then does what was claimed with them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import stamina
import structlog
from prometheus_client import CollectorRegistry, Counter

from services.executor.hands import Mask, Targets, attempt
from services.executor.moves import Move, Result
from services.executor.progress import adopted, begin, ended
from services.executor.session import Session
from services.executor.transcript import Transcript
from shared.errors import UnavailableError
from shared.lifecycle import SessionState
from shared.store import Document
from shared.telemetry import continued

log = structlog.get_logger(__name__)

Decide = Callable[[Session], Move | None]

# How many times a change is made anew because others changed the session in between. Each time
# one of them has got on, so that with this many nobody is stuck.
CONFLICTS_MOST: Final = 100
RETRY_PAUSE_MOST: Final = timedelta(seconds=2)


class Sessions(Protocol):
    """See ``store.MongoSessions``."""

    async def load(self, session_id: UUID) -> Session | None: ...
    async def save(self, rev: int, move: Move) -> list[Document] | None: ...
    async def owned_by_others(self, alive: Sequence[str]) -> list[UUID]: ...
    async def source_resolved(self, ticket_id: UUID) -> bool: ...
    async def ticket_in_progress(self, ticket_id: UUID, now: datetime) -> None: ...


class Executors(Protocol):
    """See ``store.MongoExecutors``."""

    async def renew(self, owner: str) -> None: ...
    async def resign(self, owner: str) -> None: ...
    async def alive(self) -> frozenset[str]: ...


class Output(Protocol):
    """See ``store.MongoOutput``."""

    async def show(
        self, session: Session, step_id: str, *, stdout: str, stderr: str, now: datetime
    ) -> None: ...


class Gate(Protocol):
    """See ``shared.policy.gate.Gate``."""

    async def passed(self) -> None: ...


class Flush(Protocol):
    """See ``shared.outbox.Outbox``."""

    async def flush(self, document_id: UUID, entries: list[Document]) -> None: ...


class NoSuchSessionError(UnavailableError):
    """The session of an event is not in the store (yet)."""


class Engine:
    """One executor. ``owner`` names it among all that there are and have been."""

    def __init__(
        self,
        owner: str,
        *,
        sessions: Sessions,
        executors: Executors,
        output: Output,
        outbox: Flush,
        targets: Targets,
        gate: Gate,
        mask: Mask,
        hold: int,
        now: Callable[[], datetime],
        registry: CollectorRegistry,
    ) -> None:
        self.owner = owner
        self._sessions = sessions
        self._executors = executors
        self._output = output
        self._outbox = outbox
        self._targets = targets
        self._gate = gate
        self._mask = mask
        self._hold = hold
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()
        self._steps = Counter(
            "handrail_steps", "Attempts at steps that ended.", ["outcome"], registry=registry
        )

    async def begin(self, session_id: UUID, ticket_id: UUID) -> None:
        """Take a plan on; a second time changes nothing."""
        resolved = await self._sessions.source_resolved(ticket_id)
        move = await self.change(
            session_id,
            lambda session: begin(session, self.owner, self._now(), source_resolved=resolved),
        )
        if move is None or move.session.state is not SessionState.CANCELLED:
            await self._sessions.ticket_in_progress(ticket_id, self._now())

    async def change(self, session_id: UUID, decide: Decide) -> Move | None:
        """Decide over the session as it is, store the change, tell of it, do what it claims.

        ``decide`` is asked again when somebody else changed the session first. Returns None when it
        wants no change.

        Raises:
            UnavailableError: the store does not answer; nothing was changed, or what was changed
                is found by the sweeps.
        """
        for _ in range(CONFLICTS_MOST):
            session = await self._sessions.load(session_id)
            if session is None:
                raise NoSuchSessionError(f"there is no session {session_id}")
            move = decide(session)
            if move is None:
                return None
            entries = await self._sessions.save(session.rev, move)
            if entries is not None:
                await self._follow(move, entries)
                return move
        raise UnavailableError(f"session {session_id} is changed by too many at once")

    async def _follow(self, move: Move, entries: list[Document]) -> None:
        for step_id in move.claimed:
            self._start(move.session, step_id)
        try:
            await self._outbox.flush(move.session.id, entries)
        except UnavailableError as error:
            # They stand in the session; the sweep publishes them when the bus is back.
            log.warning("events.kept", session_id=str(move.session.id), reason=str(error))

    def _start(self, session: Session, step_id: str) -> None:
        task = asyncio.create_task(self._work(session, step_id), name=f"{session.id}/{step_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, session: Session, step_id: str) -> None:
        ids = {"session_id": str(session.id), "ticket_id": str(session.ticket_id)}
        with (
            structlog.contextvars.bound_contextvars(step_id=step_id, **ids),
            continued(session.trace),
        ):
            await self._pause(session.run(step_id).not_before)
            # Claimed, and not begun: who takes it over from here waits at the same gate.
            await self._gate.passed()
            result = await self._result(session, step_id)
            run = session.run(step_id)
            log.info("step.ended", exit_code=result.exit_code, reason=result.reason)
            self._steps.labels(_label(result)).inc()
            async for again in stamina.retry_context(
                on=UnavailableError,
                attempts=None,
                timeout=None,
                wait_max=RETRY_PAUSE_MOST.total_seconds(),
            ):
                with again:
                    await self.change(
                        session.id,
                        lambda now_stored: ended(
                            now_stored,
                            step_id,
                            self.owner,
                            self._now(),
                            fence=run.fence,
                            result=result,
                        ),
                    )

    async def _result(self, session: Session, step_id: str) -> Result:
        async def show(stdout: str, stderr: str) -> None:
            await self._output.show(session, step_id, stdout=stdout, stderr=stderr, now=self._now())

        transcript = Transcript(self._mask, show, hold=self._hold)
        step = session.step(step_id)
        try:
            return await attempt(session, step, self._targets, self._mask, transcript.add)
        except Exception as error:
            # A defect in one connector must not stop the sessions of all the others. What the
            # command did is not known, which is what is recorded.
            log.exception("step.defect", error=repr(error))
            return Result(reason=f"a defect in Handrail: {type(error).__name__}", lost=True)

    async def _pause(self, until: datetime | None) -> None:
        if until is not None:
            await asyncio.sleep(max(0.0, (until - self._now()).total_seconds()))

    async def renew(self) -> None:
        """Say that this executor is alive."""
        await self._executors.renew(self.owner)

    async def adopt(self) -> int:
        """Take over the steps of executors that are gone; in how many sessions."""
        alive = await self._executors.alive() | {self.owner}
        count = 0
        for session_id in await self._sessions.owned_by_others(sorted(alive)):
            move = await self.change(
                session_id, lambda session: adopted(session, alive, self.owner, self._now())
            )
            if move is not None:
                log.info("session.adopted", session_id=str(session_id), steps=move.claimed)
                count += 1
        return count

    async def close(self) -> None:
        """Leave: commands on targets run on, and others attach to them at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._executors.resign(self.owner)
        except UnavailableError as error:
            log.warning("executor.not_resigned", reason=str(error))


def _label(result: Result) -> str:
    if result.lost:
        return "lost"
    return "succeeded" if result.succeeded else "failed"
