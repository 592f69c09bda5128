"""Drives sessions: makes their changes durable, then does what was claimed with them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import stamina
import structlog
from prometheus_client import CollectorRegistry, Counter

from services.executor import changes, room
from services.executor.admission.verdict import Verdict
from services.executor.advance import admit, settle
from services.executor.changes import Changes, Decide, Flush
from services.executor.hands import NOT_BEGUN, Targets, attempt
from services.executor.moves import Move, Result
from services.executor.progress import adopted, begin, ended, looked_again, wound_down
from services.executor.room import Room
from services.executor.session import Ending, Session
from services.executor.waiting import stuck
from services.executor.work import NotEndedYetError, Work
from shared.connectors.protocol import Chunk, TargetUnreachableError
from shared.errors import HandrailError, PermanentError, UnavailableError
from shared.events import Event, SessionOutcome, Step
from shared.lifecycle import SESSION_ENDED
from shared.masking import Mask
from shared.telemetry import continued

log = structlog.get_logger(__name__)

RETRY_PAUSE_MOST: Final = timedelta(seconds=2)
TOOK_TOO_LONG: Final = Ending(reason="it took too long", outcome=SessionOutcome.FAILED)


class Sessions(changes.Sessions, room.Sessions, Protocol):
    """See ``store.MongoSessions``."""

    async def owned_by_others(self, alive: Sequence[str]) -> list[UUID]: ...
    async def quiet(self, since: datetime) -> list[Session]: ...
    async def overdue(self, now: datetime) -> list[UUID]: ...
    async def stopping(self, owner: str) -> list[UUID]: ...
    async def ticket_taken_on(self, ticket_id: UUID, now: datetime) -> bool: ...


class Executors(Protocol):
    """See ``store.MongoExecutors``."""

    async def renew(self, owner: str) -> None: ...
    async def resign(self, owner: str) -> None: ...
    async def alive(self) -> frozenset[str]: ...


class Live(Protocol):
    """See ``output.Live``."""

    async def add(self, chunk: Chunk) -> None: ...
    async def end(self, result: Result | None) -> None: ...


class Output(Protocol):
    """See ``output.Outputs``."""

    def live(self, session: Session, step_id: str) -> Live: ...


class Warden(Protocol):
    """See ``admission.warden.Warden``."""

    async def verdicts(self, session: Session, due: Sequence[str]) -> dict[str, Verdict]: ...
    async def ended(self, session: Session, step: Step, result: Result) -> list[str]: ...
    async def finished(self, session: Session) -> list[str]: ...


class Artifacts(Protocol):
    """See ``admission.store.MongoArtifacts``."""

    async def load(self, digest: str) -> bytes | None: ...


class Gate(Protocol):
    """See ``shared.policy.gate.Gate``."""

    @property
    def is_open(self) -> bool: ...
    async def passed(self) -> None: ...


class ArtifactGoneError(PermanentError):
    """What a dry run made, and people agreed to, cannot be had any more; the step did not run."""


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
        warden: Warden,
        artifacts: Artifacts,
        gate: Gate,
        mask: Mask,
        signed: Callable[[Event], Event],
        now: Callable[[], datetime],
        registry: CollectorRegistry,
    ) -> None:
        self.owner = owner
        self._sessions = sessions
        self._executors = executors
        self._output = output
        self._targets = targets
        self._warden = warden
        self._artifacts = artifacts
        self._gate = gate
        self._mask = mask
        self._now = now
        self._works: dict[tuple[UUID, str], Work] = {}
        self._changes = Changes(
            owner,
            sessions=sessions,
            outbox=outbox,
            admitted=self._admitted,
            stored=self._follow,
            signed=signed,
        )
        self._room = Room(sessions, self._look_again)
        self._stuck: set[UUID] = set()
        self._doubtful: set[UUID] = set()
        self._steps = Counter(
            "handrail_steps", "Attempts at steps that ended.", ["outcome"], registry=registry
        )

    async def begin(self, session_id: UUID, ticket_id: UUID) -> None:
        """Take a plan on; a second time changes nothing."""
        resolved = await self._sessions.ticket_taken_on(ticket_id, self._now())
        await self.change(
            session_id,
            lambda session: begin(session, self.owner, self._now(), source_resolved=resolved),
        )

    async def change(self, session_id: UUID, decide: Decide) -> Move | None:
        """Change a session and do what the change claims; see ``Changes.make``.

        Raises:
            UnavailableError: see there.
        """
        try:
            move = await self._changes.make(session_id, decide)
        except UnavailableError:
            # It may have been stored all the same, with claims that nobody heard of.
            self._doubtful.add(session_id)
            raise
        if move is not None and move.session.state in SESSION_ENDED:
            await self._finish(move.session)
        return move

    async def _admitted(self, move: Move) -> Move:
        """The move after every step that is due has been let in, or not."""
        while move.due:
            move = admit(move, await self._warden.verdicts(move.session, move.due))
        return settle(move)

    def _follow(self, move: Move) -> None:
        self._room.awaited(move.session.held_on)
        for step_id in move.claimed:
            self._start(move.session, step_id)
        for step_id in move.stopped:
            self._stop(move.session.id, step_id)

    async def _finish(self, session: Session) -> None:
        try:
            await self._room.free(await self._warden.finished(session))
        except UnavailableError as error:
            log.warning("locks.kept", session_id=str(session.id), reason=str(error))

    async def _look_again(self, session_id: UUID) -> Move | None:
        return await self.change(
            session_id, lambda session: looked_again(session, self.owner, self._now())
        )

    def _start(self, session: Session, step_id: str) -> None:
        work = Work(lambda: self._cancel(session, step_id))
        self._works[session.id, step_id] = work
        work.begin(self._work(session, step_id, work), name=f"{session.id}/{step_id}")
        work.task.add_done_callback(lambda _: self._forget(session.id, step_id, work))

    def _forget(self, session_id: UUID, step_id: str, work: Work) -> None:
        # The next attempt may be on its way already.
        if self._works.get((session_id, step_id)) is work:
            del self._works[session_id, step_id]

    def _stop(self, session_id: UUID, step_id: str) -> None:
        work = self._works.get((session_id, step_id))
        if work is not None:
            work.stop()

    async def _cancel(self, session: Session, step_id: str) -> None:
        """End a step on its target, where that can be done.

        Raises:
            NotEndedYetError: the target did not answer.
        """
        step = session.step(step_id)
        try:
            connector = self._targets.open(step.target, uses=step.uses)
            is_over = await connector.cancel(session.job_key(step))
        except TargetUnreachableError as error:
            reason = self._mask(str(error))
            log.info("step.not_ended_yet", step_id=step_id, reason=reason)
            raise NotEndedYetError(reason) from error
        except HandrailError as error:
            log.warning("step.cannot_be_ended", step_id=step_id, reason=self._mask(str(error)))
            return
        if not is_over:
            raise NotEndedYetError("it cannot be ended there")

    async def _work(self, session: Session, step_id: str, work: Work) -> None:
        ids = {"session_id": str(session.id), "ticket_id": str(session.ticket_id)}
        with (
            structlog.contextvars.bound_contextvars(step_id=step_id, **ids),
            continued(session.trace),
        ):
            # Claimed, and not begun: who takes it over from here waits at the same gate.
            run = session.run(step_id)
            if run.not_before is None and self._gate.is_open:
                begins = work.begins_now()
            else:
                begins = await work.unless_stopped(self._turn(run.not_before))
            if begins or run.is_taken_over:
                # An earlier owner may have begun it: then it is ended where it runs.
                work.underway()
                result = await self._result(session, step_id, work)
            else:
                result = NOT_BEGUN
            log.info("step.ended", exit_code=result.exit_code, reason=result.reason)
            self._steps.labels(_label(result)).inc()
            try:
                await self._note(session, step_id, result)
            except Exception:
                # What it came to is asked for once more, where it ran.
                log.exception("step.not_noted")
                self._doubtful.add(session.id)

    async def _turn(self, not_before: datetime | None) -> None:
        if not_before is not None:
            await asyncio.sleep(max(0.0, (not_before - self._now()).total_seconds()))
        await self._gate.passed()

    async def _note(self, session: Session, step_id: str, result: Result) -> None:
        try:
            await self._noted(session, step_id, result)
        except UnavailableError as error:
            log.warning("step.not_noted_yet", reason=str(error))
            async for again in stamina.retry_context(
                on=UnavailableError,
                attempts=None,
                timeout=None,
                wait_max=RETRY_PAUSE_MOST.total_seconds(),
            ):
                with again:
                    await self._noted(session, step_id, result)

    async def _noted(self, session: Session, step_id: str, result: Result) -> None:
        fence = session.run(step_id).fence
        await self.change(
            session.id,
            lambda stored: ended(
                stored, step_id, self.owner, self._now(), fence=fence, result=result
            ),
        )
        await self._room.free(await self._warden.ended(session, session.step(step_id), result))

    async def _result(self, session: Session, step_id: str, work: Work) -> Result:
        live, result = self._output.live(session, step_id), None
        try:
            result = await self._attempted(session, session.step(step_id), live, work)
        finally:
            await live.end(result)
        return result

    async def _attempted(self, session: Session, step: Step, live: Live, work: Work) -> Result:
        try:
            artifact = await self._artifact(step)
            return await attempt(
                session,
                step,
                self._targets,
                self._mask,
                live.add,
                artifact=artifact,
                may_begin=work.may_begin,
            )
        except PermanentError as error:
            return Result(reason=str(error))
        except Exception as error:
            # A defect in one connector must not stop the sessions of all the others. What the
            # command did is not known, which is what is recorded.
            log.exception("step.defect", error=repr(error))
            return Result(reason=f"a defect in Handrail: {type(error).__name__}", lost=True)

    async def _artifact(self, step: Step) -> bytes | None:
        if step.artifact is None:
            return None
        found = await self._artifacts.load(step.artifact)
        if found is None:
            raise ArtifactGoneError("what its dry run made, and people agreed to, is gone")
        return found

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

    async def free(self, names: Sequence[str]) -> None:
        """Go on at once with what waits for one of these; see ``Room.free``."""
        await self._room.free(names)

    async def look_around(self) -> None:
        """Go on with what waits for something outside of its session, and end what takes too long.

        Raises:
            UnavailableError: the store does not answer; looking again mends it.
        """
        await self._look_for_forgotten()
        for session_id in await self._sessions.stopping(self.owner):
            await self._heed_stops(session_id)
        for session_id in await self._sessions.overdue(self._now()):
            log.warning("session.took_too_long", session_id=str(session_id))
            await self._change_one_of_many(
                session_id,
                lambda session: wound_down(session, self.owner, self._now(), TOOK_TOO_LONG),
            )
        await self._room.look()

    async def _change_one_of_many(self, session_id: UUID, decide: Decide) -> None:
        """Change a session; what is wrong with it must not keep the others from going on."""
        try:
            await self.change(session_id, decide)
        except UnavailableError:
            raise
        except Exception:
            log.exception("session.defect", session_id=str(session_id))

    async def _look_for_forgotten(self) -> None:
        """Take on again what a change claimed of which nobody knew whether it was stored."""
        doubtful, self._doubtful = self._doubtful, set()
        alive = await self._executors.alive() | {self.owner} if doubtful else frozenset()
        for session_id in doubtful:
            at_work = {step_id for id_, step_id in self._works if id_ == session_id}
            await self._change_one_of_many(
                session_id,
                lambda session, at_work=at_work: adopted(  # type: ignore[misc]
                    session, alive, self.owner, self._now(), at_work=at_work
                ),
            )

    async def look_for_stuck(self, quiet: timedelta) -> None:
        """Go on with sessions that nothing else will move on; each is told once.

        Raises:
            UnavailableError: see ``look_around``.
        """
        now = self._now()
        found = {
            session.id for session in await self._sessions.quiet(now - quiet) if stuck(session, now)
        }
        for session_id in found - self._stuck:
            log.warning("session.stuck", session_id=str(session_id))
        self._stuck = found
        for session_id in found:
            await self._look_again(session_id)

    async def _heed_stops(self, session_id: UUID) -> None:
        """End what another executor, or a person, wants ended and this one runs."""
        session = await self._sessions.load(session_id)
        for step_id, run in session.runs.items() if session else ():
            if run.stop and run.owner == self.owner:
                self._stop(session_id, step_id)

    async def close(self) -> None:
        """Leave: commands on targets run on, and others attach to them at once."""
        works = list(self._works.values())
        for work in works:
            work.task.cancel()
        await asyncio.gather(*(work.task for work in works), return_exceptions=True)
        await self._room.close()
        try:
            await self._executors.resign(self.owner)
        except UnavailableError as error:
            log.warning("executor.not_resigned", reason=str(error))


def _label(result: Result) -> str:
    if result.lost:
        return "lost"
    return "succeeded" if result.succeeded else "failed"
