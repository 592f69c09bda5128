"""Lets steps begin, or not: by the policy as it is now, locks, limits and breakers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.executor.admission.breaker import Breaker, Threshold
from services.executor.admission.declared import declaration
from services.executor.admission.inadvance import NONE, NOTHING, Given
from services.executor.admission.questioning import Circumstances, changes, facts, under
from services.executor.admission.rehearsal import (
    PATIENCE,
    UNDER_WAY,
    Rehearsals,
    UnderWay,
    must_be_seen,
)
from services.executor.admission.verdict import Ask, Deny, Elsewhere, Go, Hold, Verdict
from services.executor.changing.forms import NO_FORMS
from services.executor.moves import Result
from services.executor.session import Session
from shared.calls.families import WITHOUT_TARGET
from shared.config import Target
from shared.config.execution import Execution
from shared.config.targets import reaches
from shared.events import ApprovalRule, Changeable, RunbookRef, Step
from shared.lifecycle import StepState
from shared.policy.engine import decide
from shared.policy.policy import Policy
from shared.policy.records.record import Record
from shared.policy.ruling import Ruling
from shared.policy.terms import Mode, Outcome
from shared.targets.allowing import forbidden
from shared.targets.resolving import UnresolvedTargetError, resolved

log = structlog.get_logger(__name__)

_HOUR: Final = timedelta(hours=1)
#: Of sessions and runbooks, so many are remembered.
REMEMBERED_MOST: Final = 10_000
#: A runbook's record is asked for again after this.
RECORD_FRESH: Final = timedelta(seconds=2)


class InForce(Protocol):
    """See ``shared.policy.keeper.PolicyKeeper``."""

    @property
    def policy(self) -> Policy: ...


class Records(Protocol):
    """See ``shared.policy.records.store.MongoRecords``."""

    async def of(self, runbook: RunbookRef) -> Record: ...


class Locks(Protocol):
    """See ``store.MongoLocks``."""

    async def take(self, targets: Sequence[str], session_id: UUID) -> tuple[str, UUID] | None: ...
    async def enter(self, limit: str, most: int, key: str) -> bool: ...
    async def leave(self, limits: Sequence[str], key: str) -> None: ...
    async def waits_for(self, session_id: UUID, other: UUID) -> bool: ...
    async def release(self, session_id: UUID) -> None: ...


class Breakers(Protocol):
    """See ``store.MongoBreakers``."""

    async def all(self) -> dict[str, Breaker]: ...
    async def failed(self, target: str, now: datetime, threshold: Threshold) -> Breaker: ...
    async def succeeded(self, target: str) -> None: ...


class Forms(Protocol):
    """See ``services.executor.changing.forms.Forms``."""

    async def changeable(self, session: Session, step: Step) -> Changeable | None: ...


class History(Protocol):
    """See ``store.MongoHistory``."""

    async def begun_on(self, target: str, since: datetime, *, without: str) -> int: ...
    async def count(self, ticket_id: UUID) -> int | None: ...


class InAdvance(Protocol):
    """See ``inadvance.InAdvance``."""

    async def found(self, session: Session, step: Step, rule: ApprovalRule) -> Given: ...
    async def counted(self, session: Session, step: Step, given: Given) -> Given: ...


@dataclass
class Warden:
    """Judges the steps that are due in one session after the other; see ``verdicts``."""

    keeper: InForce
    records: Records
    history: History
    locks: Locks
    breakers: Breakers
    rehearsals: Rehearsals
    targets: Mapping[str, Target]
    execution: Execution
    threshold: Threshold
    now: Callable[[], datetime]
    in_advance: InAdvance = NOTHING
    forms: Forms = NO_FORMS
    _troubled: dict[str, Breaker] = field(default_factory=dict)
    _known: dict[str, tuple[datetime, Record]] = field(default_factory=dict)
    # What a session has locked it keeps until it has ended.
    _mine: dict[UUID, set[str]] = field(default_factory=dict)

    async def look(self) -> None:
        """See which targets are in trouble.

        Raises:
            UnavailableError: nobody knows; what was known stands.
        """
        self._troubled = await self.breakers.all()
        # What others ended is in them still; whatever is asked again says the same.
        self.rehearsals.forget()
        for remembered in (self._mine, self._known):
            if len(remembered) > REMEMBERED_MOST:
                remembered.clear()

    async def verdicts(self, session: Session, due: Sequence[str]) -> dict[str, Verdict]:
        """What is said to each step that is due.

        What is taken for a step that then does not begin is given back by the sweeps. Asked again,
        a session gets what it has already.

        Raises:
            UnavailableError: the store does not answer, so nobody knows whether it may begin.
        """
        room, until = self._room(session), monotonic() + PATIENCE.total_seconds()
        found: dict[str, Verdict] = {}
        for step_id in due:
            verdict = await self._verdict(session, session.step(step_id), room, until)
            if isinstance(verdict, Ask):
                changeable = await self.forms.changeable(session, session.step(step_id))
                declared = self._declared(session.step(step_id))
                verdict = replace(verdict, changeable=changeable, declared=declared)
            found[step_id] = verdict
            room -= isinstance(verdict, Go)
        return found

    def _room(self, session: Session) -> int:
        running = sum(run.state is StepState.RUNNING for run in session.runs.values())
        return self.execution.at_once.session - running

    async def _verdict(self, session: Session, step: Step, room: int, until: float) -> Verdict:
        if (elsewhere := self._meant(session, step)) is not None:
            return elsewhere
        policy = self.keeper.policy
        ruling = await self._ruling(session, step, policy)
        if (against := _against(ruling)) is not None:
            return against
        rule = under(step, ruling, step.approval)
        given = NONE
        if rule.required > session.agreed(step) or (
            rule.required
            and (
                _asks_others(rule, step.approval)
                or _is_unseen(step)
                or self._is_another(session, step)
            )
        ):
            given = await self.in_advance.found(session, step, rule)
            if not given.suffices(rule, session) or _is_unseen(step):
                return await self._ask(session, step, rule, until, given)
        has_targets = bool(self._mine.get(session.id))
        place = await self._room_for(session, step, policy, room)
        if not given.said or not isinstance(place, Go):
            return place
        counted = await self.in_advance.counted(session, step, given)
        if counted.suffices(rule, session):
            return Go(counted.said, rule)
        # Used up in this moment: who waits for people keeps nobody from a target.
        await self._give_back(session, step, with_targets=not has_targets)
        return await self._ask(session, step, rule, until, counted)

    async def _give_back(self, session: Session, step: Step, *, with_targets: bool) -> None:
        """Let go of what was taken for a step that does not begin after all."""
        limits = [limit for limit, _ in self._limits(session, step)]
        if limits:
            key = _place(session, step, session.run(step.id).attempt + 1)
            await self.locks.leave(limits, key)
        if with_targets:
            await self.finished(session)

    async def _room_for(self, session: Session, step: Step, policy: Policy, room: int) -> Verdict:
        if room <= 0:
            most = self.execution.at_once.session
            reason = f"{most} steps of this session run already: more are not run at once"
            return Hold(reason, f"session {session.id}")
        return await self._place(session, step, policy)

    def _meant(self, session: Session, step: Step) -> Verdict | None:
        """What there is to say before the policy is asked: of the target, as it is declared now."""
        if step.uses in WITHOUT_TARGET:
            return None
        labels = session.alert.labels if session.alert else {}
        try:
            meant = resolved(step.target, self.targets, labels)
        except UnresolvedTargetError as error:
            return Deny(str(error))
        if meant != step.target:
            return Elsewhere(meant)
        reached = self.targets[meant].connector
        if session.run(step.id).before is not None and not reaches(step.uses, reached):
            # The planner looked at what was planned, and a person changed it since.
            return Deny(f"target {meant} is reached by {reached}, the step uses {step.uses}")
        reason = forbidden(step, self.targets[meant])
        return Deny(f"target {meant}: {reason}") if reason else None

    def _is_another(self, session: Session, step: Step) -> bool:
        """Whether its target's name leads elsewhere by now than when people were asked."""
        # A session of before this was noted has none.
        asked = session.run(step.id).declared
        return bool(asked) and asked != self._declared(step)

    def _declared(self, step: Step) -> str:
        return "" if step.uses in WITHOUT_TARGET else declaration(step.target, self.targets)

    async def _ruling(self, session: Session, step: Step, policy: Policy) -> Ruling:
        around = Circumstances(now=self.now(), record=await self._record(session.runbook))
        if policy.config.rules or policy.config.deny:
            around = replace(around, count=await self.history.count(session.ticket_id))
        if policy.asks_for_last_hour:
            key = f"{session.id}/{step.id}"
            begun = await self.history.begun_on(step.target, self.now() - _HOUR, without=key)
            around = replace(around, begun_here=begun)
        return decide(policy, facts(session, step, self.targets, around))

    async def _record(self, runbook: RunbookRef) -> Record:
        key, now = f"{runbook.name}@{runbook.version}", self.now()
        known = self._known.get(key)
        if known is None or now - known[0] > RECORD_FRESH:
            known = self._known[key] = (now, await self.records.of(runbook))
        return known[1]

    # -- asking -----------------------------------------------------------------------------------

    async def _ask(
        self,
        session: Session,
        step: Step,
        rule: ApprovalRule,
        until: float,
        given: Given,
    ) -> Verdict:
        """What people are asked, with what it would do where the target can say that."""
        patience = timedelta(seconds=until - monotonic())
        found = await self.rehearsals.of(session, step, patience=patience)
        if isinstance(found, UnderWay):
            return Hold(UNDER_WAY, found.on)
        if found.artifact is None and must_be_seen(step):
            why = found.failed or "its target says nothing"
            return Deny(f"there is no plan of it that people could agree to: {why}")
        if not given.said:
            return Ask(rule, found.text, found.artifact)
        asked = step.model_copy(update={"artifact": found.artifact})
        counted = await self.in_advance.counted(session.asking(step.id), asked, given)
        return Ask(rule, found.text, found.artifact, counted.said)

    # -- places on targets ------------------------------------------------------------------------

    async def _place(self, session: Session, step: Step, policy: Policy) -> Verdict:
        trouble = self._troubled.get(step.target, Breaker()).reason(step.target, self.now())
        if trouble:
            return Hold(trouble, f"breaker {step.target}")
        if not changes(step):
            return await self._entered(session, step)
        if policy.config.locks.target:
            held = await self._locked(session, step)
            if held is not None:
                return held
            if policy.asks_for_last_hour:
                # Counted once more now that nobody else begins anything there.
                ruling = await self._ruling(session, step, policy)
                if (against := _against(ruling)) is not None:
                    return against
        return await self._entered(session, step)

    async def _locked(self, session: Session, step: Step) -> Hold | Deny | None:
        """Lock what the session works on; why it has to wait, where another one has it."""
        mine = self._mine.setdefault(session.id, set())
        wanted = [name for name in self._worked_on(session, step) if name not in mine]
        if not wanted:
            return None
        held = await self.locks.take(wanted, session.id)
        if held is not None:
            target, holder = held
            if session.id > holder and await self.locks.waits_for(holder, session.id):
                # One of the two has to go, or both wait for ever.
                return Deny(f"{target} is worked on by session {holder}, which waits for this one")
            return Hold(f"{target} is worked on by session {holder}", _lock(target))
        mine.update(wanted)
        return None

    def _worked_on(self, session: Session, due: Step) -> list[str]:
        """The targets that this step and those after it change, as far as that is known by now."""
        ahead = {due.target} | {
            step.target
            for step in session.steps
            if changes(step)
            and not step.is_group
            and (step.late is None or "target" not in step.late.templates)
            and not session.run(step.id).over
        }
        return [name for name in ahead if (found := self.targets.get(name)) and found.lock]

    async def _entered(self, session: Session, step: Step) -> Verdict:
        # The attempt that is about to begin: an earlier one gives back its own place only.
        key = _place(session, step, session.run(step.id).attempt + 1)
        entered: list[str] = []
        for limit, most in self._limits(session, step):
            if not await self.locks.enter(limit, most, key):
                await self.locks.leave(entered, key)
                reason = f"{most} steps run at once on {limit}: that is its limit"
                return Hold(reason, limit)
            entered.append(limit)
        return Go()

    def _limits(self, session: Session, step: Step) -> list[tuple[str, int]]:
        at_once, target = self.execution.at_once, self.targets.get(step.target)
        here = (target.concurrency if target else None) or at_once.target
        labels = session.alert.labels if session.alert else {}
        service = labels.get("service") or labels.get("job")
        limits = [(f"target {step.target}", here)]
        if service:
            limits.append((f"service {service}", at_once.service))
        return [(limit, most) for limit, most in limits if most is not None]

    # -- what became of it ------------------------------------------------------------------------

    async def ended(self, session: Session, step: Step, result: Result) -> list[str]:
        """Give back what a step had, and note how its target did; the names of what is free now.

        Raises:
            UnavailableError: the store does not answer; sweeps give the places back.
        """
        limits = [limit for limit, _ in self._limits(session, step)]
        if limits:
            key = _place(session, step, session.run(step.id).attempt)
            await self.locks.leave(limits, key)
        if result.trouble or (changes(step) and not result.succeeded):
            breaker = await self.breakers.failed(step.target, self.now(), self.threshold)
            self._troubled[step.target] = breaker
            if breaker.is_open(self.now()):
                log.warning("target.left_alone", target=step.target, until=breaker.open_until)
        elif result.succeeded and self._troubled.pop(step.target, None) is not None:
            await self.breakers.succeeded(step.target)
            limits.append(f"breaker {step.target}")
        return limits

    async def finished(self, session: Session) -> list[str]:
        """Let go of the targets of a session that has ended; the names of what is free now.

        Raises:
            UnavailableError: see ``ended``.
        """
        await self.locks.release(session.id)
        self._mine.pop(session.id, None)
        return [_lock(name) for name in sorted({step.target for step in session.steps})]


def _is_unseen(step: Step) -> bool:
    return step.artifact is None and must_be_seen(step)


def _place(session: Session, step: Step, attempt: int) -> str:
    return f"{session.id}/{attempt}/{step.id}"


def _lock(target: str) -> str:
    return f"lock {target}"


def _asks_others(rule: ApprovalRule, before: ApprovalRule) -> bool:
    """Whether a rule wants the yes of others than the one that people agreed under."""
    return _whose(rule) != _whose(before)


def _whose(rule: ApprovalRule) -> tuple[object, ...]:
    return rule.who, rule.seats, rule.on_no, rule.not_requester


def _against(ruling: Ruling) -> Deny | None:
    if ruling.outcome is Outcome.DENY:
        return Deny(f"the policy does not allow it now, by {ruling.rule}: {ruling.reason}")
    if ruling.mode is not Mode.ACT:
        return Deny(f"the policy lets Handrail only {ruling.mode} here now, by {ruling.rule}")
    return None
