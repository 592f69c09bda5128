"""The documents of tickets: what is written into them, and what is read from them."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pymongo import UpdateOne

from services.ingest.comeback import REMEMBERED, Comeback, Held, Move
from services.ingest.ruling import Quiet
from services.ingest.ticket import Decision, Recorded, Said
from shared.events import Alert, AlertStatus
from shared.lifecycle import TICKET_ENDED, TicketState
from shared.store import SCHEMA, Document

_ENDED: Final = sorted(state.value for state in TICKET_ENDED)
_BACK: Final = {
    Move.COUNT: Decision.REPEATED,
    Move.COME_BACK: Decision.REPEATED,
    Move.REOPEN: Decision.REOPENED,
}


def opens(said: Said) -> bool:
    """Whether a ticket is opened where there is none."""
    return bool(said.fired) and (said.ruling.opens or said.ruling.quiet is not None)


def simple(said: Said, ticket_id: UUID, now: datetime) -> UpdateOne:
    """Open a ticket, or count on one that is open and firing, or note an end on any.

    Where an alert fires and its ticket has ended, or is over at its source, there is no second
    ticket with the fingerprint: the write fails as a duplicate, and nothing was changed.
    """
    query: Document = {"open_fingerprint": said.alert.fingerprint}
    if said.firing:
        query |= {"state": {"$nin": _ENDED}, "source_resolved_at": None}
    new = _new(said, ticket_id, now)
    if said.over:
        return UpdateOne(query, _partly_over(said, new, now), upsert=opens(said))
    seen = {"last_seen_at": now, "updated_at": now, "source_resolved_at": None}
    fired: Document = {
        "$set": seen,
        "$inc": {"count": said.fired},
        "$addToSet": {"firing": {"$each": list(said.firing)}},
        "$setOnInsert": new,
    }
    return UpdateOne(query, fired, upsert=opens(said))


def comeback(
    held: Held, said: Said, back: Comeback, now: datetime, *, calm_after: timedelta
) -> list[Document]:
    """Count on a ticket that ended or was over at its source, and reopen it where it is to be."""
    changes = _count(said, now)
    if back.move in {Move.COME_BACK, Move.REOPEN}:
        before = {"$ifNull": ["$comebacks", []]}
        comebacks = {"$slice": [{"$concatArrays": [before, [now]]}, -REMEMBERED]}
        changes.append({"$set": {"comebacks": comebacks}})
    if back.flapping:
        flapping = {"because": back.flapping, "until": now + calm_after}
        changes.append({"$set": {"flapping": {"$literal": flapping}}})
    if back.move is Move.REOPEN:
        changes += _reopen(held, said, back, now)
    return changes


def _reopen(held: Held, said: Said, back: Comeback, now: datetime) -> list[Document]:
    number = held.reopenings + 1
    reopened = {"at": now, "reason": back.because, "number": number}
    changed = {
        "state": TicketState.REOPENED.value,
        "reopened": {"$literal": reopened},
        "reopenings": number,
        "alert": {"$literal": said.alert.model_dump(mode="json")},
    }
    if said.ruling.groups:
        changed["groups"] = {"$literal": _groups(said)}
    if held.window:
        changed["was_suppressed"] = "$suppressed"
    gone = ["resolved_at", "closed_at", "announced", "suppressed", "parent_id", "grouped"]
    return [{"$set": changed}, {"$unset": gone}]


def _partly_over(said: Said, new: Document, now: datetime) -> list[Document]:
    """What depends on which alerts still fire by what stands there, decided in the write itself.

    As a pipeline it costs a tenth more than plain operators, which do for most notifications.
    """
    changes = _count(said, now)
    if opens(said):
        begins = {"$mergeObjects": [{"$literal": new}, "$$ROOT"]}
        is_new = {"$eq": [{"$type": "$created_at"}, "missing"]}
        changes.insert(0, {"$replaceWith": {"$cond": [is_new, begins, "$$ROOT"]}})
    return changes


def _count(said: Said, now: datetime) -> list[Document]:
    still = {"$setDifference": [{"$ifNull": ["$firing", []]}, _as_is(said.over)]}
    gone = {"$cond": [{"$eq": ["$firing", []]}, said.ended_at or now, None]}
    return [
        {
            "$set": {
                "firing": {"$setUnion": [still, _as_is(said.firing)]},
                "count": {"$add": [{"$ifNull": ["$count", 0]}, said.fired]},
                "last_seen_at": now,
                "updated_at": now,
            }
        },
        {"$set": {"source_resolved_at": gone}},
    ]


def _as_is(names: tuple[str, ...]) -> Document:
    """Names that a source chose: one that begins with a dollar sign is no field."""
    return {"$literal": list(names)}


def _new(said: Said, ticket_id: UUID, now: datetime) -> Document:
    alert, ruling = said.alert, said.ruling
    new = {
        "_id": ticket_id,
        "schema": SCHEMA,
        "state": TicketState.NEW.value,
        "source": alert.source,
        "fingerprint": alert.fingerprint,
        "title": alert.title,
        "severity": alert.severity.value if alert.severity else None,
        "alert": alert.model_dump(mode="json"),
        "created_at": now,
    }
    if ruling.groups and ruling.quiet is None:
        new["groups"] = _groups(said)
    if ruling.quiet is not None:
        new["state"], new["closed_at"] = TicketState.CLOSED.value, now
        new["suppressed"] = {
            "window": ruling.quiet.window,
            "reason": ruling.quiet.reason,
            "until": ruling.quiet.until,
        }
    return new


def _groups(said: Said) -> list[Document]:
    return [
        {"rule": one.rule, "key": one.key, "parts": list(one.parts)} for one in said.ruling.groups
    ]


def opened(said: Said, ticket_id: UUID, now: datetime) -> Recorded:
    """A ticket that was just opened, or suppressed at once."""
    quiet = said.ruling.quiet
    return Recorded(
        ticket_id=ticket_id,
        alert=said.alert,
        decision=Decision.OPENED if quiet is None else Decision.SUPPRESSED,
        because=said.ruling.because if quiet is None else suppressed_because(quiet),
        state=TicketState.NEW if quiet is None else TicketState.CLOSED,
        count=said.fired,
        gone=said.alert.status is AlertStatus.RESOLVED,
        created_at=now,
        quiet=quiet,
        groups=said.ruling.groups if quiet is None else (),
    )


def suppressed_because(quiet: Quiet) -> str:
    """Why a ticket was closed as it was opened."""
    reason = f": {quiet.reason}" if quiet.reason else ""
    return f"the maintenance window {quiet.window} covers it{reason}"


def counted(said: Said, ticket: Document) -> Recorded:
    """A ticket after a simple write that did not open it."""
    gone = not ticket["firing"]
    if said.fired:
        quiet = said.ruling.quiet
        leaves = f"the maintenance window {quiet.window} leaves open tickets be" if quiet else ""
        return _recorded(said.alert, ticket, Decision.REPEATED, leaves)
    if TicketState(ticket["state"]) in TICKET_ENDED:
        because = f"its ticket is {ticket['state']} already"
        return _recorded(said.alert, ticket, Decision.NO_TICKET, because)
    return _recorded(said.alert, ticket, Decision.RESOLVED if gone else Decision.ENDED)


def came_back(held: Held, said: Said, back: Comeback, ticket: Document) -> Recorded:
    """A ticket after a comeback."""
    decision = _BACK[back.move]
    if held.window and decision is Decision.REPEATED:
        decision = Decision.SUPPRESSED
    newly = bool(back.flapping) and held.flaps_until is None
    return _recorded(said.alert, ticket, decision, back.because, said, flaps_newly=newly)


def standing(ticket: Document) -> Recorded:
    """A ticket as it stands, to be told of once more; the whole document is needed."""
    alert, quiet = Alert.model_validate(ticket["alert"]), ticket.get("suppressed")
    window = Quiet(**{k: quiet[k] for k in ("window", "reason", "until")}) if quiet else None
    because = suppressed_because(window) if window else ""
    return _recorded(alert, ticket, Decision.OPENED, because, quiet=window)


def _recorded(
    alert: Alert,
    ticket: Document,
    decision: Decision,
    because: str = "",
    said: Said | None = None,
    *,
    flaps_newly: bool = False,
    quiet: Quiet | None = None,
) -> Recorded:
    reopened = decision is Decision.REOPENED and said is not None
    grouped: dict[str, Any] = ticket.get("grouped", {})
    return Recorded(
        ticket_id=ticket["_id"],
        alert=alert,
        decision=decision,
        because=because,
        state=TicketState(ticket["state"]),
        count=ticket["count"],
        gone=not ticket["firing"],
        created_at=ticket["created_at"],
        reopenings=ticket.get("reopenings", 0),
        reopened_because=ticket.get("reopened", {}).get("reason", ""),
        flapping=ticket.get("flapping", {}).get("because", ""),
        flaps_newly=flaps_newly,
        quiet=quiet,
        groups=said.ruling.groups if reopened and said is not None else (),
        parent_id=ticket.get("parent_id"),
        grouped_because=grouped.get("reason", ""),
        announced=ticket.get("announced", False),
    )
