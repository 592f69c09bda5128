"""What the word of a person makes of a ticket, which no machine has checked."""

from dataclasses import dataclass
from typing import Final

from services.verifier.store import WITHOUT_PLAN
from shared.events import (
    Resolution,
    TicketClosed,
    TicketDirected,
    TicketDirective,
    TicketResolved,
)
from shared.lifecycle import TICKET_FROM, Severity, TicketState, Verdict

Ending = TicketResolved | TicketClosed

#: From where a person may end a ticket. Where a plan is under way, that has to be ended first.
ENDS_FROM: Final[dict[TicketDirective, frozenset[TicketState]]] = {
    TicketDirective.RESOLVE: (WITHOUT_PLAN | {TicketState.VERIFYING})
    & TICKET_FROM[TicketState.RESOLVED],
    TicketDirective.CLOSE: TICKET_FROM[TicketState.CLOSED],
}


@dataclass(frozen=True)
class Standing:
    """What is known of a ticket that is to end."""

    title: str
    severity: Severity
    verdict: Verdict = Verdict.UNCERTAIN
    confidence: float = 0.0


def ending(said: TicketDirected, ticket: Standing) -> Ending:
    """The end of a ticket as it is told; the same however often it is made."""
    if said.directive is TicketDirective.RESOLVE:
        return TicketResolved.following(
            said,
            time=said.at,
            title=ticket.title,
            resolution=Resolution.PERSON,
            summary=f"{said.by} says that it is over: {said.reason}",
            by=said.by,
        )
    return TicketClosed.following(
        said,
        time=said.at,
        verdict=ticket.verdict,
        confidence=ticket.confidence,
        severity=ticket.severity,
        reasons=(f"{said.by} closed it: {said.reason}",),
        by=said.by,
    )
