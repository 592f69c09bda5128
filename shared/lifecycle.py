"""The states of tickets, sessions, steps and approvals, and what leads from one to the next."""

from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How bad a ticket is: P1 wakes people, P4 can wait."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Verdict(StrEnum):
    """What triage made of a ticket."""

    FALSE = "false"
    TRUE = "true"
    UNCERTAIN = "uncertain"


class Risk(StrEnum):
    """How much a step could break."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least."""
        return tuple(Risk).index(self)


class Effect(StrEnum):
    """What running a step a second time would do; recovery follows it."""

    READ_ONLY = "read_only"
    IDEMPOTENT = "idempotent"
    CHECK_THEN_ACT = "check_then_act"
    ONCE = "once"


class TicketState(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    TRIAGED = "triaged"
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    RESOLVED = "resolved"
    CLOSED = "closed"
    ESCALATED = "escalated"
    REOPENED = "reopened"


class SessionState(StrEnum):
    """Where one attempt to fix a ticket stands."""

    PLANNED = "planned"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    """Where one step stands."""

    PENDING = "pending"
    AWAITING_APPROVAL = "awaiting_approval"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ROLLED_BACK = "rolled_back"


class ApprovalState(StrEnum):
    """Where a request for a person's yes stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


T, S, St, A = TicketState, SessionState, StepState, ApprovalState

_NOT_ENDED: Final = frozenset(T) - {T.RESOLVED, T.CLOSED}

#: For each state that can be reached: the states it may be reached from.
TICKET_FROM: Final[dict[TicketState, frozenset[TicketState]]] = {
    T.TRIAGED: frozenset({T.NEW, T.REOPENED}),
    # From others than triaged: a person asks for a plan from a runbook that they name.
    T.PLANNED: frozenset({T.TRIAGED, T.NEW, T.REOPENED, T.ESCALATED}),
    # From escalated: a person has the plan tried again.
    T.IN_PROGRESS: frozenset({T.PLANNED, T.ESCALATED}),
    T.VERIFYING: frozenset({T.PLANNED, T.IN_PROGRESS}),
    # A source may say "resolved" at any time before that; a check says so after a plan ran.
    T.RESOLVED: _NOT_ENDED,
    T.CLOSED: frozenset({T.NEW, T.REOPENED, T.TRIAGED, T.RESOLVED}),
    T.ESCALATED: _NOT_ENDED - {T.ESCALATED},
    # From new and triaged: it was under a parent, which ended without it.
    T.REOPENED: frozenset({T.RESOLVED, T.CLOSED, T.NEW, T.TRIAGED}),
}

SESSION_FROM: Final[dict[SessionState, frozenset[SessionState]]] = {
    S.RUNNING: frozenset({S.PLANNED, S.WAITING}),
    S.WAITING: frozenset({S.PLANNED, S.RUNNING}),
    S.SUCCEEDED: frozenset({S.PLANNED, S.RUNNING, S.WAITING}),
    S.FAILED: frozenset({S.PLANNED, S.RUNNING, S.WAITING}),
    S.CANCELLED: frozenset({S.PLANNED, S.RUNNING, S.WAITING}),
}

STEP_FROM: Final[dict[StepState, frozenset[StepState]]] = {
    # From ready: the policy has become stricter since.
    St.AWAITING_APPROVAL: frozenset({St.PENDING, St.READY}),
    # From running: it failed, and is tried again. From unknown: a person wants it run again.
    St.READY: frozenset({St.PENDING, St.AWAITING_APPROVAL, St.RUNNING, St.UNKNOWN}),
    # From running: another owner of the same attempt.
    St.RUNNING: frozenset({St.PENDING, St.READY, St.RUNNING}),
    # From pending: one that stands for others, which have all ended. From awaiting approval: people
    # answered what it asks. From unknown: a person knows what became of it.
    St.SUCCEEDED: frozenset({St.PENDING, St.AWAITING_APPROVAL, St.RUNNING, St.UNKNOWN}),
    St.FAILED: frozenset({St.PENDING, St.READY, St.RUNNING, St.UNKNOWN}),
    St.UNKNOWN: frozenset({St.RUNNING}),
    St.SKIPPED: frozenset({St.PENDING, St.AWAITING_APPROVAL, St.READY}),
    St.REJECTED: frozenset({St.AWAITING_APPROVAL}),
    St.EXPIRED: frozenset({St.AWAITING_APPROVAL}),
    St.ROLLED_BACK: frozenset({St.SUCCEEDED}),
}

APPROVAL_FROM: Final[dict[ApprovalState, frozenset[ApprovalState]]] = {
    A.APPROVED: frozenset({A.PENDING}),
    A.REJECTED: frozenset({A.PENDING}),
    A.EXPIRED: frozenset({A.PENDING}),
    # From approved: a yes was taken back, or what it was for has changed, and it is asked anew.
    A.SUPERSEDED: frozenset({A.PENDING, A.APPROVED}),
}

TICKET_ENDED: Final = frozenset({T.RESOLVED, T.CLOSED})
SESSION_ENDED: Final = frozenset({S.SUCCEEDED, S.FAILED, S.CANCELLED})
STEP_ENDED: Final = frozenset(
    {
        St.SUCCEEDED,
        St.FAILED,
        St.UNKNOWN,
        St.SKIPPED,
        St.REJECTED,
        St.EXPIRED,
        St.ROLLED_BACK,
    },
)


def may_become(
    state: TicketState | SessionState | StepState | ApprovalState,
    target: TicketState | SessionState | StepState | ApprovalState,
) -> bool:
    """Whether the lifecycle allows this change; both states must be of one kind."""
    match state, target:
        case TicketState(), TicketState():
            return state in TICKET_FROM.get(target, ())
        case SessionState(), SessionState():
            return state in SESSION_FROM.get(target, ())
        case StepState(), StepState():
            return state in STEP_FROM.get(target, ())
        case ApprovalState(), ApprovalState():
            return state in APPROVAL_FROM.get(target, ())
    return False
