"""What the rest of the system is told of a recorded alert."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from services.ingest.ticket import Decision, Recorded
from shared.events import (
    Change,
    Event,
    TicketClosed,
    TicketCreated,
    TicketReopened,
    TicketUpdated,
)
from shared.events.envelope import derived_id
from shared.lifecycle import TICKET_ENDED, Severity, TicketState, Verdict


def events_of(recorded: Recorded, at: datetime, *, new_id: Callable[[], UUID]) -> tuple[Event, ...]:
    """All events of a recorded alert.

    A ticket that nobody has judged yet is announced again until it is noted that the stream has it:
    the process that opened it may have died before it could, and the stream drops what it knows. A
    notification has no name of its own, so that one which is sent again is another update.
    """
    change = _change(recorded)
    updates = (_updated(recorded, change, at, new_id()),) if change is not None else ()
    return *announcement(recorded, at), *updates


def announcement(recorded: Recorded, at: datetime) -> tuple[Event, ...]:
    """That a ticket was opened, suppressed or reopened; the ids are the same however often.

    Nothing where it is noted that the stream has it: a storm would tell it again with each alert.
    """
    if recorded.announced:
        return ()
    if recorded.quiet is not None:
        return _created(recorded), _suppressed(recorded, at)
    if recorded.state is TicketState.NEW:
        return (_created(recorded),)
    if recorded.state is TicketState.REOPENED:
        return (_reopened(recorded, at),)
    return ()


def _change(recorded: Recorded) -> Change | None:
    if recorded.state in TICKET_ENDED:
        return None
    if recorded.flaps_newly:
        return Change.FLAPPING
    if recorded.gone:
        # Its end counts when it has been calm for a while; see ``calm``.
        return Change.FLAPPING if recorded.flapping else Change.RESOLVED_AT_SOURCE
    return Change.REPEATED if recorded.decision is Decision.REPEATED else None


def _created(recorded: Recorded) -> TicketCreated:
    return TicketCreated(
        id=derived_id(recorded.ticket_id, TicketCreated.subject),
        time=recorded.created_at,
        ticket_id=recorded.ticket_id,
        alert=recorded.alert,
        parent_id=recorded.parent_id,
        grouped_because=recorded.grouped_because,
    )


def _suppressed(recorded: Recorded, at: datetime) -> TicketClosed:
    window = recorded.quiet.window if recorded.quiet else ""
    return TicketClosed(
        id=derived_id(recorded.ticket_id, f"{TicketClosed.subject}.suppressed"),
        time=at,
        ticket_id=recorded.ticket_id,
        verdict=Verdict.UNCERTAIN,
        confidence=0,
        severity=recorded.alert.severity or Severity.P3,
        reasons=(recorded.because,),
        suppressed_by=window,
    )


def _reopened(recorded: Recorded, at: datetime) -> TicketReopened:
    return TicketReopened(
        id=reopening_id(recorded.ticket_id, recorded.reopenings),
        time=at,
        ticket_id=recorded.ticket_id,
        reason=recorded.reopened_because,
        alert=recorded.alert,
        count=recorded.count,
        flapping=bool(recorded.flapping),
    )


def reopening_id(ticket_id: UUID, number: int) -> UUID:
    """The id of the event of a ticket's reopening, the first of which has the number 1."""
    return derived_id(ticket_id, f"{TicketReopened.subject}.{number}")


def _flapping(recorded: Recorded) -> str:
    over = "; it is over for now, and resolved once it is calm" if recorded.gone else ""
    return f"{recorded.flapping}{over}"


def _updated(recorded: Recorded, change: Change, at: datetime, id_: UUID) -> TicketUpdated:
    return TicketUpdated(
        id=id_,
        time=at,
        ticket_id=recorded.ticket_id,
        change=change,
        count=recorded.count,
        alert=recorded.alert,
        reason=_flapping(recorded) if change is Change.FLAPPING else "",
    )


def calmed(recorded: Recorded, at: datetime) -> TicketUpdated:
    """That the problem of a ticket that flapped is gone, and stayed so; its id is the same again.

    It could not be resolved while it flapped.
    """
    id_ = derived_id(recorded.ticket_id, f"{TicketUpdated.subject}.calm.{recorded.count}")
    return _updated(recorded, Change.RESOLVED_AT_SOURCE, at, id_)
