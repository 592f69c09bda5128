"""A session as the executor knows it: its steps, and where each of them stands."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, Self
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events import (
    Alert,
    Check,
    FoundBy,
    Join,
    OnFailure,
    RunbookRef,
    SessionOutcome,
    Step,
    StepChange,
)
from shared.lifecycle import STEP_ENDED, SessionState, Severity, StepState, may_become
from shared.runbook.placing import placed

#: Of a step's output, this much of its end stands in the session and in events.
TAIL: Final = 4_000
#: A session that says nothing about it may take so long, waiting for people included.
SESSION_MOST: Final = timedelta(hours=24)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_UNPLAIN: Final = re.compile(r"[^A-Za-z0-9_-]")


class ImpossibleChangeError(AssertionError):
    """The lifecycle does not know this change: a defect in the code that asked for it."""


class Before(BaseModel):
    """A step, and the values that people had changed of it, before the last change."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: Step
    changed: dict[str, Any] = {}


class Run(BaseModel):
    """Where one step stands.

    While it runs, ``owner`` is the executor that runs it and ``fence`` counts the owners so far: a
    write of an earlier one is refused. ``attempt`` counts from 1. ``not_before`` is the end of the
    pause before a retry. ``blocked`` tells a step that was skipped because another failed from one
    that was skipped because its condition was false, and one whose parts did worse than fail.
    ``opened`` tells a step that stands for others and whose turn came; ``unwanted`` one that was
    left out, or ended, because another came first. ``held`` is what a step that could run has to
    wait for, ``held_on`` the name of that, and ``stop`` why one that runs is to be ended. ``asked``
    counts how often people were asked for their yes, and ``agreed`` those whose yes it has.
    ``question_id`` is what people are asked about it; until they answer, it is not over.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: StepState = StepState.PENDING
    attempt: int = 0
    recoveries: int = 0
    owner: str | None = None
    fence: int = 0
    claimed: int = Field(0, description="The fence of the owner that began this attempt.")
    place: str = Field("", description="Where that owner was; claims of local commands lie there.")
    approval_id: UUID | None = None
    asked: int = 0
    agreed: int = 0
    declared: str = Field("", description="What its target was, by its declaration, when asked.")
    question_id: UUID | None = None
    held: str = ""
    held_on: str = ""
    stop: str = ""
    asked_at: AwareDatetime | None = None
    not_before: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    exit_code: int | None = None
    output: str = ""
    outputs: dict[str, Any] = Field({}, description="What was found in it, by its name.")
    reason: str = ""
    reattached: bool = False
    blocked: bool = False
    opened: bool = False
    unwanted: bool = False
    change: StepChange | None = Field(None, description="What people wanted of it the last time.")
    changed: dict[str, Any] = Field({}, description="The values that it has by people, by name.")
    superseded: UUID | None = Field(None, description="The last request that they had replaced.")
    taken_back: UUID | None = Field(None, description="The last request whose yes was taken back.")
    again: str = Field("", description="Why people are to be asked once more.")
    before: Before | None = Field(None, description="What it goes back to if that is not allowed.")

    @property
    def over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in STEP_ENDED and self.question_id is None

    @property
    def has_to_be_asked(self) -> bool:
        """Whether people's last word on it asks for another question, and nobody was asked since.

        Somebody took back the yes that it had, or wants other values for it.
        """
        return self.approval_id is not None and self.approval_id in (
            self.taken_back,
            self.superseded,
        )

    @property
    def is_taken_over(self) -> bool:
        """Whether an earlier owner may have got further with this attempt than this one has."""
        return self.fence > (self.claimed or self.attempt)

    def unasked(self) -> Self:
        """This run without the question that people were asked about it."""
        return self.model_copy(update={"question_id": None})

    def becomes(self, state: StepState, **fields: Any) -> Self:
        """This run in another state; what it waited for is behind it.

        Raises:
            ImpossibleChangeError: the lifecycle has no such change.
        """
        if not may_become(self.state, state):
            raise ImpossibleChangeError(f"a step cannot go from {self.state} to {state}")
        return self.model_copy(update={"state": state, "held": "", "held_on": "", **fields})


#: What nobody has touched; asked for so often that making it each time showed.
_PENDING: Final = Run()


class Ending(BaseModel):
    """A session that is being ended before its steps are: why, as what, and what comes first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: str
    outcome: SessionOutcome
    rollback: bool = False


class Session(BaseModel):
    """One attempt to fix one ticket; ``rev`` counts its stored changes.

    ``paused`` says who had it wait and why. ``rolling_back`` is why what was done is taken back:
    from then on nothing else begins. ``retry_of`` is the session that this one tries again.
    ``untold`` says that events of its changes may not be published yet.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    ticket_id: UUID
    ticket_title: str
    severity: Severity
    state: SessionState
    rev: int
    runbook: RunbookRef
    reasons: tuple[str, ...] = ()
    params: dict[str, str] = {}
    values: dict[str, Any] = {}
    evidence: dict[str, Any] = {}
    steps: tuple[Step, ...]
    verify: tuple[Check, ...] = ()
    runs: dict[str, Run] = {}
    source_resolved: bool = False
    paused: str = ""
    ending: Ending | None = None
    rolling_back: str = ""
    retry_of: UUID | None = None
    timeout: timedelta | None = None
    begun_at: AwareDatetime | None = None
    directed_at: AwareDatetime | None = None
    found_by: FoundBy = FoundBy.RULE
    trace: str = ""
    alert: Alert | None = None
    untold: bool = Field(True, exclude=True)

    @property
    def requester(self) -> str:
        """The address of the person who asked for the ticket; empty where a machine did."""
        return self.alert.requested_by if self.alert else ""

    def run(self, step_id: str) -> Run:
        return self.runs.get(step_id, _PENDING)

    def step(self, step_id: str) -> Step:
        return next(step for step in self.steps if step.id == step_id)

    def has_step(self, step_id: str) -> bool:
        return any(step.id == step_id for step in self.steps)

    def parts(self, step_id: str) -> list[Step]:
        """The steps that one stands for."""
        return [step for step in self.steps if step.parent == step_id]

    def needing(self, step_id: str) -> list[Step]:
        """The steps that need one."""
        return [step for step in self.steps if step_id in step.needs]

    def leading_to(self, step_id: str) -> list[Step]:
        """The steps whose failure leads on to one, which runs in no other case."""
        return [step for step in self.steps if step.goto == step_id]

    @property
    def deadline(self) -> datetime | None:
        """When it has taken too long; None before it was begun."""
        if self.begun_at is None:
            return None
        return self.begun_at + (self.timeout or SESSION_MOST)

    @property
    def has_joins(self) -> bool:
        """Whether a step goes on with the first of several."""
        return any(step.join is Join.FIRST for step in self.steps)

    def with_step(self, *steps: Step) -> "Session":
        """With a step as it is now; what follows it in ``steps`` comes in behind it."""
        first = steps[0].id
        changed = (steps if step.id == first else (step,) for step in self.steps)
        return self.model_copy(update={"steps": tuple(chain.from_iterable(changed))})

    def with_run(self, step_id: str, run: Run) -> "Session":
        return self.model_copy(update={"runs": {**self.runs, step_id: run}})

    def becomes(self, state: SessionState) -> "Session":
        """This session in another state, or itself if it is in it already.

        Raises:
            ImpossibleChangeError: the lifecycle has no such change.
        """
        if self.state is state:
            return self
        if not may_become(self.state, state):
            raise ImpossibleChangeError(f"a session cannot go from {self.state} to {state}")
        return self.model_copy(update={"state": state})

    def owners(self) -> list[str]:
        """The executors that run a step of this session just now."""
        return self._owners(self.runs.values())

    def stopping(self) -> list[str]:
        """The executors that have to end a step of this session."""
        return self._owners(run for run in self.runs.values() if run.stop)

    @property
    def held_on(self) -> list[str]:
        """The names of all that steps wait for which is not in this session.

        While it is paused, only what those wait for of which people are asked all the same.
        """
        held = {
            run.held_on
            for run in self.runs.values()
            if run.held and (not self.paused or run.has_to_be_asked)
        }
        return sorted(held)

    @staticmethod
    def _owners(runs: Iterable[Run]) -> list[str]:
        found = {run.owner for run in runs if run.state is StepState.RUNNING}
        return sorted(owner for owner in found if owner)

    def approval_id(self, step: Step) -> UUID:
        """The id of the last request for a yes to this very step; another command has another."""
        again = max(self.run(step.id).asked, 1) - 1
        return uuid5(
            self.id, f"approval/{step.id}/{step.digest(self.id)}{f'/{again}' if again else ''}"
        )

    def asking(self, step_id: str) -> "Session":
        """This session when people are asked about a step once more."""
        run = self.run(step_id)
        return self.with_run(step_id, run.model_copy(update={"asked": run.asked + 1}))

    def agreed(self, step: Step) -> int:
        """How many people said yes to exactly this step as it is now."""
        run = self.run(step.id)
        return run.agreed if run.approval_id == self.approval_id(step) else 0

    def question_id(self, step: Step) -> UUID:
        """The id of what people are asked about the present attempt at a step."""
        return uuid5(self.id, f"question/{step.id}/{self.run(step.id).attempt}")

    def job_key(self, step: Step) -> str:
        """The name of this attempt on its target: the same for every executor that takes it on."""
        return f"{self.id}-{_plain(step.id)}-{self.run(step.id).attempt}"

    def facts(self) -> Mapping[str, Any]:
        """What conditions are evaluated over."""
        return {
            "steps": {
                step.id: {
                    "state": self.run(step.id).state.value,
                    "exit_code": self.run(step.id).exit_code,
                    "output": self.run(step.id).output,
                    "outputs": self.run(step.id).outputs,
                }
                for step in self.steps
            },
            "params": {**self.params, **self.values},
            "evidence": self.evidence,
        }

    def found(self) -> dict[str, dict[str, Any]]:
        """What steps found, as templates have it."""
        return {
            step.id: {
                name: placed(value, patterned=_has_pattern(step, name))
                for name, value in self.run(step.id).outputs.items()
            }
            for step in self.steps
        }

    def stands_in_the_way(self, step: Step) -> bool:
        """Whether this step ended in a way that keeps those that need it from running."""
        run = self.run(step.id)
        if step.undoes is not None or (step.gather and run.state is not StepState.SKIPPED):
            return False
        match run.state:
            case StepState.FAILED:
                return run.blocked or step.on_failure is not OnFailure.CONTINUE
            case StepState.UNKNOWN | StepState.REJECTED | StepState.EXPIRED:
                return True
            case StepState.SKIPPED:
                return run.blocked
        return False

    def tried(self) -> tuple[str, ...]:
        """A line for each step that came to something, for a person to read."""
        return tuple(
            f"{step.id}: {run.state}" + (f" ({run.reason})" if run.reason else "")
            for step in self.steps
            if (run := self.run(step.id)).state is not StepState.PENDING
        )


def _plain(step_id: str) -> str:
    """A step's id as the name of a directory may be; no two of them become one."""
    if _PLAIN.fullmatch(step_id):
        return step_id
    mark = hashlib.sha256(step_id.encode()).hexdigest()[:8]
    return f"{_UNPLAIN.sub('_', step_id)[:80]}-{mark}"


def _has_pattern(step: Step, name: str) -> bool:
    rule = step.outputs.get(name)
    return rule is not None and rule.pattern is not None


def tail(text: str) -> str:
    """The end of an output."""
    return text if len(text) <= TAIL else "…" + text[-TAIL:]
