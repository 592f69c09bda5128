"""A plan from the runbook that a person named: drafted and judged as any other."""

from collections.abc import Iterable
from typing import Final

from services.planner.plan import Conclusion, Planner
from shared.events import Alert, FoundBy, PlanRequested, TicketEscalated, TicketTriaged
from shared.lifecycle import TICKET_FROM, Severity, TicketState, Verdict
from shared.runbook import Candidate, UnfilledError, UnrenderedError
from shared.runbook.matching import FOUND

#: Tickets that a person may have planned: nothing is under way for them.
PLANNED_FROM: Final = TICKET_FROM[TicketState.PLANNED]


def opened(said: PlanRequested, alert: Alert) -> TicketTriaged:
    """The ticket that is opened with a request, as triage would tell it."""
    return TicketTriaged.model_validate(
        {
            "id": said.id,
            "ticket_id": said.ticket_id,
            "alert": alert,
            "verdict": Verdict.TRUE,
            "confidence": 1,
            "severity": alert.severity or Severity.P3,
            "reasons": (f"{said.by} asked for it",),
        }
    )


def asked_by(ticket: TicketTriaged, said: PlanRequested) -> TicketTriaged:
    """The ticket as what the request led to; whoever asks for the plan is a requester too."""
    before = ticket.alert.requested_by
    if before in ("", said.by):
        asked: dict[str, object] = {"requested_by": said.by}
    else:
        asked = {"co_requesters": (*ticket.alert.co_requesters, said.by)}
    alert = ticket.alert.model_copy(update=asked)
    return ticket.model_copy(update={"id": said.id, "alert": alert})


def drafted(planner: Planner, ticket: TicketTriaged, said: PlanRequested) -> Conclusion:
    """The plan of the runbook that was named, not judged yet, or why there is none."""
    runbook = planner.library.get(said.runbook)
    if runbook is None:
        return _refused(ticket, said, ["there is no such runbook, or it is turned off"])
    unknown = sorted(said.params.keys() - runbook.content.params.keys())
    if unknown:
        known = ", ".join(runbook.content.params) or "none"
        return _refused(ticket, said, [f"it has no parameter {', '.join(unknown)}, but {known}"])
    why = f"{said.by} asked for it" + (f": {said.reason}" if said.reason else "")
    candidate = Candidate(runbook, matched=True, reasons=(why,), rank=FOUND)
    try:
        made = planner.drafted(ticket, candidate, FoundBy.PERSON, given=said.params)
    except UnfilledError as error:
        return _refused(ticket, said, map(str, error.unfilled))
    except UnrenderedError as error:
        return _refused(ticket, said, [str(error)])
    hinders = list(dict.fromkeys(planner.obstacles(made.steps, made.verify, ticket.alert.labels)))
    return _refused(ticket, said, hinders) if hinders else made


def _refused(ticket: TicketTriaged, said: PlanRequested, why: Iterable[str]) -> TicketEscalated:
    hinders = list(why)
    named = f"{said.by} asked for the runbook {said.runbook}, which cannot be used"
    return TicketEscalated.following(
        ticket,
        title=ticket.alert.title,
        reason=f"{named}: {hinders[0]}",
        tried=tuple(f"{said.runbook}: {one}" for one in hinders),
    )
