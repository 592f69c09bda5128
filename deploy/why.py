"""Why an alert did what it did, or nothing: from what was kept of it and how its ticket stands."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from deploy.output import times
from deploy.views import AlertView, Ticket
from services.ingest.quarantine.kept import Quarantined
from services.ingest.ticket import Decision
from shared.lifecycle import TicketState, Verdict

_DID: Final = {
    Decision.OPENED: "opened a ticket",
    Decision.REOPENED: "reopened its ticket",
    Decision.REPEATED: "counted on the ticket that there was",
    Decision.SUPPRESSED: "suppressed: nobody deals with its ticket",
    Decision.ENDED: "over, but its problem is not",
    Decision.RESOLVED: "its problem is gone",
    Decision.NOT_OPENED: "opened no ticket",
    Decision.NO_TICKET: "was the end of a problem that no ticket was open for",
    Decision.IMPORTED: "came into the history only",
}
_JUDGED: Final = {
    Verdict.FALSE: "a false alarm",
    Verdict.TRUE: "real",
    Verdict.UNCERTAIN: "uncertain",
}


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class Explained(_Fact):
    """One accepted alert: what was decided, because of what, and how its ticket stands now."""

    alert: AlertView
    did: str
    ticket: str = ""

    @classmethod
    def of(cls, alert: AlertView, ticket: Ticket | None) -> "Explained":
        """Of an alert and its ticket, if it has one and that is still there."""
        did = _DID.get(alert.decision, "") if alert.decision else ""
        said = f"{did}: {alert.because}" if alert.because else did
        return cls(alert=alert, did=said, ticket=_ticket(alert, ticket))


class Misunderstood(_Fact):
    """What stands in quarantine instead: how many webhooks, and why the last one is there."""

    webhooks: int
    last_id: str
    last_source: str
    last_at: AwareDatetime
    last_reason: str

    @classmethod
    def of(cls, newest_first: Sequence[Quarantined]) -> "Misunderstood | None":
        """Of what was found there; None where that is nothing."""
        if not newest_first:
            return None
        last = newest_first[0]
        return cls(
            webhooks=len(newest_first),
            last_id=str(last.id),
            last_source=last.source,
            last_at=last.at,
            last_reason=last.reason,
        )


class SourceSeen(_Fact):
    """A source, whether ``handrail.yaml`` has it, and when an alert of it was last accepted."""

    name: str
    configured: bool
    last_alert_at: AwareDatetime | None = None


class Why(_Fact):
    """All that is known; quarantine and sources are looked at where no alert was found."""

    since: AwareDatetime
    alerts: tuple[Explained, ...] = ()
    quarantine: Misunderstood | None = None
    sources: tuple[SourceSeen, ...] = ()


def standing(ticket: Ticket) -> str:
    """How a ticket stands now, with all the reasons for it, in one line."""
    told = f"ticket {str(ticket.id)[:8]} is {ticket.state.value.replace('_', ' ')}"
    return " ".join("; ".join((told, *_reasons(ticket))).split())


def _reasons(ticket: Ticket) -> Iterator[str]:
    if ticket.suppressed is not None:
        quiet = ticket.suppressed
        reason = f": {quiet.reason}" if quiet.reason else ""
        yield f"in the maintenance window {quiet.window} until {_at(quiet.until)}{reason}"
    if ticket.state is TicketState.CLOSED and ticket.verdict is not None:
        yield f"judged {_JUDGED[ticket.verdict.verdict]}: {', '.join(ticket.verdict.reasons)}"
    if ticket.waits_for is not None:
        yield f"people are asked which runbook to use, until {_at(ticket.waits_for.expires_at)}"
    if ticket.parent_id is not None:
        why = f": {ticket.grouped.reason}" if ticket.grouped is not None else ""
        yield f"part of ticket {str(ticket.parent_id)[:8]}, which is dealt with instead{why}"
    if ticket.flapping is not None:
        yield f"it flaps: {ticket.flapping.because}"
    if ticket.reopened is not None:
        yield f"reopened {times(ticket.reopened.number)}, because {ticket.reopened.reason}"
    if ticket.state is TicketState.ESCALATED and ticket.escalated is not None:
        yield f"a person has to look at it: {ticket.escalated.reason}"
    if ticket.state is TicketState.RESOLVED and ticket.resolved is not None:
        yield f"{ticket.resolved.resolution} {ticket.resolved.summary}".strip()


def _ticket(alert: AlertView, ticket: Ticket | None) -> str:
    if ticket is not None:
        return standing(ticket)
    if alert.ticket_id is not None:
        return f"ticket {str(alert.ticket_id)[:8]} is not there any more"
    return ""


def _at(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M")
