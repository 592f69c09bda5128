"""A plan: the steps that are meant to fix one ticket, exactly as they will run."""

import hashlib
import json
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.events.alert import Alert
from shared.events.checks import Check
from shared.events.envelope import Event
from shared.events.graph import Asks, Foreach, Join, Late, OutputRule
from shared.lifecycle import Effect, Risk, Severity


class OnFailure(StrEnum):
    """What a failed step means for the steps that need it.

    ``rollback`` stops like ``stop``, and what the plan has done is taken back; ``goto`` goes on
    with another step, which runs in no other case.
    """

    STOP = "stop"
    CONTINUE = "continue"
    ROLLBACK = "rollback"
    GOTO = "goto"


class Retry(BaseModel):
    """How often a failed step is tried in all, and the first pause between (it doubles)."""

    model_config = ConfigDict(frozen=True)

    attempts: int = Field(1, ge=1, le=10)
    backoff: timedelta = timedelta(seconds=2)


class OnExpiry(StrEnum):
    """What becomes of a step that nobody answered for in time; it does not run in either case."""

    REJECT = "reject"
    ESCALATE = "escalate"


class OnNo(StrEnum):
    """What a no does: the first one ends it, or it is a vote against."""

    REJECT = "reject"
    MAJORITY = "majority"


class Seat(BaseModel):
    """One of those that must be among the people who say yes.

    ``name`` is how the policy calls it; ``people`` are the addresses of its members in small
    letters, or its own word where it is ``on-call`` or ``on-call:SCHEDULE``.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    people: tuple[str, ...]


class FoundBy(StrEnum):
    """How a runbook was found.

    Its rules name the alert, or the search compared what both say, or a person asked for it.
    """

    RULE = "rule"
    SEARCH = "search"
    PERSON = "person"


class ApprovalRule(BaseModel):
    """Who has to say yes: how many different people, and how long they have.

    ``who`` are the addresses of those who may answer, ``on-call`` and ``on-call:SCHEDULE``;
    everybody where it is empty.
    ``not_requester`` keeps whoever asked for the ticket from answering, and ``co_requesters``: who
    asked for the plan since, or wrote the command. Each of ``seats`` needs a
    yes of its own, by different people. ``rule`` is what in the policy decided.
    """

    model_config = ConfigDict(frozen=True)

    required: int = Field(ge=0, le=10)
    expires_after: timedelta = timedelta(hours=1)
    reason: str
    who: tuple[str, ...] = ()
    not_requester: bool = True
    co_requesters: tuple[str, ...] = ()
    seats: tuple[Seat, ...] = ()
    on_no: OnNo = OnNo.REJECT
    on_expiry: OnExpiry = OnExpiry.REJECT
    rule: str = ""


class Step(BaseModel):
    """One action: nothing about it is left to decide but whether and when it runs.

    What depends on the outputs of earlier steps (``late``) is shown as a template until then; what
    a person is asked for is always the written text. A step with ``foreach`` or ``includes`` runs
    nothing itself: it stands for those that have its id as ``parent``, begins before them and ends
    after them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    title: str
    needs: tuple[str, ...] = ()
    join: Join = Join.ALL
    when: str | None = Field(None, description="CEL over the steps that ran; false skips the step.")
    uses: str
    target: str
    run: str
    check: str | None = Field(None, description="For check_then_act: exit code 0 means it is done.")
    rollback: str | None = None
    risk: Risk
    effect: Effect
    timeout: timedelta
    retry: Retry = Retry()
    on_failure: OnFailure = OnFailure.STOP
    goto: str | None = Field(None, description="With on_failure goto: the step to go on with.")
    gather: bool = Field(default=False, description="It only looks, and may fail.")
    rollback_risk: Risk | None = Field(None, description="Of taking it back; else its own.")
    approval: ApprovalRule
    asks: Asks | None = None
    why: str
    expects: str = ""
    outputs: dict[str, OutputRule] = {}
    parent: str | None = None
    foreach: Foreach | None = None
    includes: "RunbookRef | None" = None
    late: Late | None = None
    undoes: str | None = Field(None, description="The step that this one takes back.")
    artifact: str | None = Field(
        None, description="SHA-256 of what a dry run made and the step applies, as a saved plan."
    )

    @property
    def is_group(self) -> bool:
        return self.foreach is not None or self.includes is not None

    def under(self, rule: ApprovalRule) -> "Step":
        """This step under a rule of the policy, tightened by what its runbook asks for."""
        if self.asks is None:
            return self.model_copy(update={"approval": rule})
        tightened: dict[str, Any] = {}
        if self.asks.required > rule.required:
            tightened["required"] = self.asks.required
            tightened["reason"] = f"{rule.reason}; {self.asks.reason}"
        if self.asks.expires_after is not None and self.asks.expires_after < rule.expires_after:
            tightened["expires_after"] = self.asks.expires_after
        return self.model_copy(update={"approval": rule.model_copy(update=tightened)})

    def digest(self, session_id: UUID) -> str:
        """SHA-256 (hexadecimal) over all that an approval of this step is a yes to."""
        said = {
            "session": str(session_id),
            "step": self.id,
            "uses": self.uses,
            "target": self.target,
            "run": self.run,
            "check": self.check,
            "rollback": self.rollback,
            "effect": self.effect,
            "timeout": self.timeout.total_seconds(),
            "attempts": self.retry.attempts,
        }
        if self.artifact is not None:
            said["artifact"] = self.artifact
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class RunbookRef(BaseModel):
    """Which text of which runbook a plan was made from; ``version`` is a hash of the text.

    ``includes`` has the versions of the runbooks that are part of it, by name; ``labels`` are those
    of its metadata.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    title: str
    version: str
    includes: dict[str, str] = {}
    labels: dict[str, str] = {}

    @property
    def seal(self) -> str:
        """Tells this text, with those that are part of it, from every other; hexadecimal."""
        if not self.includes:
            return self.version
        said = json.dumps([self.version, self.includes], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


class PlanReady(Event):
    """A plan passed policy and may start.

    ``params`` are for people, ``origins`` say where each is from; ``values`` are those that
    conditions and templates can tell from a text (numbers, booleans, lists), with their types.
    """

    subject: ClassVar[str] = "plan.ready"
    session_id: UUID
    alert: Alert
    severity: Severity
    runbook: RunbookRef
    reasons: tuple[str, ...]
    found_by: FoundBy = FoundBy.RULE
    params: dict[str, str]
    values: dict[str, Any] = Field({}, description="Parameters that are no text, by their names.")
    origins: dict[str, str] = Field({}, description="Where parameters are from: `evidence disk`.")
    evidence: dict[str, Any] = Field({}, description="What was gathered, for conditions of steps.")
    steps: tuple[Step, ...]
    verify: tuple[Check, ...]
    timeout: timedelta | None = Field(None, description="How long the whole session may take.")
