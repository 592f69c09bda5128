"""A plan: the steps that are meant to fix one ticket, exactly as they will run."""

import hashlib
import json
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.events.alert import Alert
from shared.events.checks import Check
from shared.events.envelope import Event
from shared.lifecycle import Effect, Risk, Severity


class OnFailure(StrEnum):
    """What a failed step means for the steps that need it."""

    STOP = "stop"
    CONTINUE = "continue"


class Retry(BaseModel):
    """How often a failed step is tried in all, and the first pause between (it doubles)."""

    model_config = ConfigDict(frozen=True)

    attempts: int = Field(1, ge=1, le=10)
    backoff: timedelta = timedelta(seconds=2)


class OnExpiry(StrEnum):
    """What becomes of a step that nobody answered for in time; it does not run in either case."""

    REJECT = "reject"
    ESCALATE = "escalate"


class ApprovalRule(BaseModel):
    """Who has to say yes: how many different people, and how long they have.

    ``who`` are the addresses of those who may answer, and ``on-call``; everybody where it is empty.
    ``not_requester`` keeps whoever asked for the ticket from answering. ``rule`` is what in the
    policy decided.
    """

    model_config = ConfigDict(frozen=True)

    required: int = Field(ge=0, le=2)
    expires_after: timedelta = timedelta(hours=1)
    reason: str
    who: tuple[str, ...] = ()
    not_requester: bool = True
    on_expiry: OnExpiry = OnExpiry.REJECT
    rule: str = ""


class Step(BaseModel):
    """One action, rendered: nothing about it is left to decide but whether and when it runs."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    title: str
    needs: tuple[str, ...] = ()
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
    approval: ApprovalRule
    why: str

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
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class RunbookRef(BaseModel):
    """Which text of which runbook a plan was made from; ``version`` is a hash of the text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    title: str
    version: str


class PlanReady(Event):
    """A plan passed policy and may start."""

    subject: ClassVar[str] = "plan.ready"
    session_id: UUID
    alert: Alert
    severity: Severity
    runbook: RunbookRef
    reasons: tuple[str, ...]
    params: dict[str, str]
    steps: tuple[Step, ...]
    verify: tuple[Check, ...]
