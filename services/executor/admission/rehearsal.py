"""Dry runs, made beside the work: what steps would do, for the people who are asked about them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from services.executor.session import Session
from shared.calls.call import MalformedCallError
from shared.calls.families import FAMILIES, parsed_as
from shared.connectors.protocol import Connector, DryRun, Job
from shared.errors import HandrailError, UnavailableError
from shared.events import Step

log = structlog.get_logger(__name__)

#: A dry run that takes longer is told as missing.
DRY_RUN_MOST: Final = timedelta(minutes=5)
#: One that takes longer is waited for beside the work: its step is held until it is there.
PATIENCE: Final = timedelta(seconds=0.5)
#: So many are made at once on one target.
AT_ONCE: Final = 4
#: One that could not be made is tried again when it is wanted after this.
FAILED_FRESH: Final = timedelta(minutes=1)
#: So many are remembered; of others, it is made anew.
REMEMBERED_MOST: Final = 10_000

#: Nothing is asked of these: a shell cannot say what it would do.
_SHELLS: Final = frozenset({"local", "ssh", "winrm"})
_SAVING: Final = frozenset(
    family for family, calls in FAMILIES.items() if any(call.saves_plan for call in calls)
)
UNDER_WAY: Final = "what it would do is being found out"
_NAME: Final = "dry run by "


class Artifacts(Protocol):
    """See ``store.MongoArtifacts``."""

    async def keep(self, artifact: bytes, now: datetime) -> str: ...


class Targets(Protocol):
    """See ``shared.connectors.registry.Connectors``."""

    def open(self, target: str, *, uses: str | None = None) -> Connector: ...


class Living(Protocol):
    """See ``services.executor.store.MongoExecutors``."""

    async def alive(self) -> frozenset[str]: ...


@dataclass(frozen=True)
class Rehearsal:
    """What a step would do, in words, and the SHA-256 of what was kept to be applied.

    ``failed`` is why nobody knows.
    """

    text: str = ""
    artifact: str | None = None
    failed: str = ""


@dataclass(frozen=True)
class UnderWay:
    """It is not there yet; ``on`` is what a step waits for meanwhile, see ``verdict.Hold``."""

    on: str


@dataclass
class _Made:
    task: asyncio.Task[Rehearsal]
    at: datetime

    def is_stale(self, now: datetime) -> bool:
        """Whether it could not be made, and that was some time ago."""
        if not self.task.done() or now - self.at <= FAILED_FRESH:
            return False
        return self.task.cancelled() or bool(self.task.result().failed)


@dataclass
class Rehearsals:
    """The dry runs of one executor, which is called ``owner``.

    ``made`` are told of each name that steps were held on and do not have to wait for any more.
    """

    owner: str
    connectors: Targets
    artifacts: Artifacts
    executors: Living
    mask: Callable[[str], str]
    now: Callable[[], datetime]
    made: list[Callable[[Sequence[str]], Awaitable[None]]] = field(default_factory=list)
    _known: dict[str, _Made] = field(default_factory=dict)
    _places: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    async def of(
        self, session: Session, step: Step, *, patience: timedelta = PATIENCE
    ) -> Rehearsal | UnderWay:
        """What a step would do, if that is known within ``patience``.

        The first executor that wants to know finds it out, and the others wait for as long as that
        one lives.

        Raises:
            UnavailableError: the store does not answer.
        """
        if step.uses in _SHELLS:
            return self._openable(step)
        key = step.model_copy(update={"artifact": None}).digest(session.id)
        known = self._known.get(key)
        if known is None or known.is_stale(self.now()):
            on = session.run(step.id).held_on
            if await self._is_made_by_another(on):
                return UnderWay(on)
            known = self._known[key] = self._begun(key, session, step)
        done, _ = await asyncio.wait({known.task}, timeout=max(0.0, patience.total_seconds()))
        return known.task.result() if done else UnderWay(self._name(key))

    def forget(self) -> None:
        """Keep no more in mind than there is room for; what is under way stays."""
        if len(self._known) > REMEMBERED_MOST:
            self._known = {key: each for key, each in self._known.items() if not each.task.done()}

    async def close(self) -> None:
        """Leave: whoever takes the sessions over makes them anew."""
        tasks = [each.task for each in self._known.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _name(self, key: str) -> str:
        return f"{_NAME}{self.owner} {key[:16]}"

    async def _is_made_by_another(self, on: str) -> bool:
        owner = on.removeprefix(_NAME).rpartition(" ")[0]
        if not on.startswith(_NAME) or owner == self.owner:
            return False
        return owner in await self.executors.alive()

    def _openable(self, step: Step) -> Rehearsal:
        """What is wrong with its target as it is declared, if something is."""
        try:
            self.connectors.open(step.target, uses=step.uses)
        except HandrailError as error:
            return _failed(self.mask(str(error)))
        return Rehearsal()

    def _begun(self, key: str, session: Session, step: Step) -> _Made:
        task = asyncio.create_task(self._tried(session, step), name=f"{session.id}/{step.id}/dry")
        known = _Made(task, self.now())
        task.add_done_callback(lambda _: self._tell(key, known))
        return known

    def _tell(self, key: str, known: _Made) -> None:
        known.at = self.now()
        if known.task.cancelled():
            self._known.pop(key, None)
            return
        for told in self.made:
            # Kept until it has ended, as tasks have to be.
            task = asyncio.ensure_future(told([self._name(key)]))
            task.add_done_callback(_heard)

    async def _tried(self, session: Session, step: Step) -> Rehearsal:
        place = self._places.setdefault(step.target, asyncio.Semaphore(AT_ONCE))
        try:
            async with place, asyncio.timeout(DRY_RUN_MOST.total_seconds()):
                return await self._rehearsed(session, step)
        except TimeoutError:
            return _failed(f"it took longer than {DRY_RUN_MOST}.")
        except HandrailError as error:
            reason = self.mask(str(error))
            log.info("step.no_dry_run", step_id=step.id, reason=reason)
            return _failed(reason)
        except Exception as error:
            # A defect in one connector must not keep people from being asked.
            log.exception("step.no_dry_run", step_id=step.id)
            return _failed(type(error).__name__)

    async def _rehearsed(self, session: Session, step: Step) -> Rehearsal:
        job = Job(f"{session.job_key(step)}-dry", step.run, step.timeout, step.effect)
        connector = self.connectors.open(step.target, uses=step.uses)
        made: DryRun | None = await connector.dry_run(job)
        if made is None:
            return Rehearsal()
        artifact = made.artifact and await self.artifacts.keep(made.artifact, self.now())
        return Rehearsal(self.mask(made.text), artifact or None)


def must_be_seen(step: Step) -> bool:
    """Whether a step does what its dry run saved, so that people cannot agree to it unseen."""
    if step.uses not in _SAVING:
        return False
    try:
        return parsed_as(step.uses, step.run).saves_plan
    except MalformedCallError:
        # Its connector says so, when it runs.
        return False


def _failed(reason: str) -> Rehearsal:
    return Rehearsal(f"No dry run: {reason}", failed=reason)


def _heard(task: asyncio.Future[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if isinstance(error, UnavailableError):
        # The next look finds it.
        log.warning("step.not_gone_on", reason=str(error))
    elif error is not None:
        log.error("step.not_gone_on", reason=repr(error))
