"""The events of Handrail: the table of contents of the system, and a public interface.

Changes are additive. A breaking change is a new subject that ends in ``.v2``.
"""

from typing import Final

from shared.events.alert import Alert, AlertStatus
from shared.events.approvals import Answer, Decision
from shared.events.checks import Check, CheckResult, CommandCheck, HttpCheck, PrometheusCheck
from shared.events.choices import Choosing, Option, OptionStep, PlanChoiceNeeded, PlanChosen
from shared.events.envelope import Event, MalformedEventError
from shared.events.graph import Asks, Foreach, Join, Late, OutputRule, ValueType
from shared.events.notifications import FeedbackGiven, NotificationFailed, NotificationSent
from shared.events.plans import (
    ApprovalRule,
    FoundBy,
    OnExpiry,
    OnFailure,
    PlanReady,
    Retry,
    RunbookRef,
    Step,
)
from shared.events.questions import (
    Asked,
    Fate,
    Filled,
    FormField,
    QuestionAnswered,
    QuestionAsked,
    Reply,
)
from shared.events.sessions import (
    Directive,
    Edit,
    SessionDirected,
    SessionFinished,
    SessionOutcome,
    SessionStarted,
)
from shared.events.steps import (
    Refusal,
    StepApproved,
    StepAwaitingApproval,
    StepDone,
    StepEvent,
    StepHeld,
    StepOutcome,
    StepRejected,
    StepStarted,
)
from shared.events.tickets import (
    Change,
    Resolution,
    TicketClosed,
    TicketCreated,
    TicketEscalated,
    TicketReopened,
    TicketResolved,
    TicketTriaged,
    TicketUpdated,
)

#: Every event, in the order in which a ticket usually meets them.
CATALOG: Final[tuple[type[Event], ...]] = (
    TicketCreated,
    TicketUpdated,
    TicketTriaged,
    TicketClosed,
    PlanChoiceNeeded,
    PlanChosen,
    PlanReady,
    SessionStarted,
    StepAwaitingApproval,
    NotificationSent,
    NotificationFailed,
    StepApproved,
    StepRejected,
    QuestionAsked,
    QuestionAnswered,
    StepHeld,
    StepStarted,
    StepDone,
    SessionDirected,
    SessionFinished,
    TicketResolved,
    TicketEscalated,
    TicketReopened,
    FeedbackGiven,
)

__all__ = [
    "CATALOG",
    "Alert",
    "AlertStatus",
    "Answer",
    "ApprovalRule",
    "Asked",
    "Asks",
    "Change",
    "Check",
    "CheckResult",
    "Choosing",
    "CommandCheck",
    "Decision",
    "Directive",
    "Edit",
    "Event",
    "Fate",
    "FeedbackGiven",
    "Filled",
    "Foreach",
    "FormField",
    "FoundBy",
    "HttpCheck",
    "Join",
    "Late",
    "MalformedEventError",
    "NotificationFailed",
    "NotificationSent",
    "OnExpiry",
    "OnFailure",
    "Option",
    "OptionStep",
    "OutputRule",
    "PlanChoiceNeeded",
    "PlanChosen",
    "PlanReady",
    "PrometheusCheck",
    "QuestionAnswered",
    "QuestionAsked",
    "Refusal",
    "Reply",
    "Resolution",
    "Retry",
    "RunbookRef",
    "SessionDirected",
    "SessionFinished",
    "SessionOutcome",
    "SessionStarted",
    "Step",
    "StepApproved",
    "StepAwaitingApproval",
    "StepDone",
    "StepEvent",
    "StepHeld",
    "StepOutcome",
    "StepRejected",
    "StepStarted",
    "TicketClosed",
    "TicketCreated",
    "TicketEscalated",
    "TicketReopened",
    "TicketResolved",
    "TicketTriaged",
    "TicketUpdated",
    "ValueType",
]
