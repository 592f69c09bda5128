"""The hash chain of a ticket's timeline: an entry that was changed or taken out shows."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from shared.bus import Envelope

#: What the first entry of a timeline follows.
GENESIS: Final = "0" * 64


#: What an event tells, by its subject; a later pattern is for one that has less to tell.
_WHAT: Final = {
    "ticket.created": ("opened: {alert}",),
    "ticket.updated": ("{change}, {count} so far",),
    "ticket.reopened": ("reopened: {alert}",),
    "ticket.triaged": ("judged {verdict}, {severity}",),
    "ticket.directed": ("asked to {directive} it",),
    "ticket.closed": ("suppressed by {suppressed_by}", "closed as {verdict}"),
    "ticket.resolved": ("resolved ({resolution})",),
    "ticket.escalated": ("handed to a person",),
    "plan.choice_needed": ("asked which runbook: {because}",),
    "plan.chosen": ("{refusal}: no runbook was chosen", "chose {chosen}", "chose none of them"),
    "plan.requested": ("asked for a plan from {runbook}",),
    "plan.ready": ("planned: {plan}",),
    "session.started": ("began {runbook}",),
    "session.directed": ("asked for the plan to {directive}",),
    "session.finished": ("the plan {outcome}",),
    "step.awaiting_approval": (
        "asked for {step_id} as it was, other values were refused ({refused}): {command}",
        "asked for {step_id}, changed by {changed_by}, on {target}: {command}",
        "asked once more for {step_id}, since {again}, on {target}: {command}",
        "asked for {step_id} on {target}: {command}",
        "asked for {step_id}, changed by {changed_by}: {command}",
        "asked once more for {step_id}, since {again}: {command}",
        "asked for {step_id}: {command}",
    ),
    "step.approved": ("approved {step_id}",),
    "step.approval_withdrawn": ("took the yes to {step_id} back",),
    "step.rejected": ("{refusal}: {step_id}",),
    "step.change_proposed": ("wants other values for {step_id}: {wanted}",),
    "step.held": ("held {step_id} back",),
    "step.started": (
        "began {step_id}, allowed by {allowed}, on {target}: {command}",
        "began {step_id} on {target}: {command}",
        "began {step_id}, allowed by {allowed}: {command}",
        "began {step_id}: {command}",
    ),
    "step.done": ("{step_id} {outcome}, exit code {exit_code}", "{step_id} {outcome}"),
    "question.asked": ("asked about {step_id}: {text}",),
    "question.answered": ("{refusal}: nobody answers about {step_id}", "answered about {step_id}"),
    "notification.sent": ("told {recipient} by {channel}: {purpose}",),
    "notification.failed": ("could not tell {recipient} by {channel}: {purpose}",),
}


# How an answer says that it takes another one back.
_WITHDRAW: Final = "withdraw"


@dataclass(frozen=True)
class Entry:
    """One line of a timeline: who did what, when and why.

    ``seq`` counts from 1 in each ticket. ``hash`` is SHA-256 (hexadecimal) over everything else in
    the entry, and so over the ``prev``ious entry's hash.
    """

    event_id: UUID
    ticket_id: UUID
    at: datetime
    subject: str
    who: str
    what: str
    why: str
    data: str
    seq: int = 0
    prev: str = ""
    hash: str = ""

    def digest(self) -> str:
        said = {**vars(self), "hash": None, "at": self.at.astimezone(UTC).isoformat()}
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()

    def after(self, seq: int, prev: str) -> "Entry":
        """This entry as the next one of a chain."""
        placed = replace(self, seq=seq + 1, prev=prev)
        return replace(placed, hash=placed.digest())


def chained(entries: Iterable[Entry], *, seq: int, prev: str) -> list[Entry]:
    """The entries as the continuation of a chain that has ``seq`` entries and ends in ``prev``."""
    placed: list[Entry] = []
    for entry in entries:
        seq, prev = (placed[-1].seq, placed[-1].hash) if placed else (seq, prev)
        placed.append(entry.after(seq, prev))
    return placed


def first_break(entries: Iterable[Entry]) -> int | None:
    """The number of the first entry that was changed, moved or taken out before; None if none."""
    seq, prev = 0, GENESIS
    for entry in entries:
        if (entry.seq, entry.prev, entry.hash) != (seq + 1, prev, entry.digest()):
            return entry.seq
        seq, prev = entry.seq, entry.hash
    return None


def entry_of(envelope: Envelope, *, now: datetime) -> Entry | None:
    """The timeline entry of an event, known or not; None for what is about no ticket."""
    headers = envelope.headers
    try:
        event_id, ticket_id = UUID(headers["ce-id"]), UUID(headers["ce-subject"])
    except (KeyError, ValueError):
        return None
    data = _object(envelope.body)
    return Entry(
        event_id=event_id,
        ticket_id=ticket_id,
        at=_time(headers.get("ce-time", ""), now),
        subject=envelope.subject,
        who=_storable(_who(headers.get("ce-source", ""), data)),
        what=_storable(_what(envelope.subject, data)),
        why=_storable(_why(data)),
        data=envelope.body.decode(errors="replace"),
    )


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _time(text: str, now: datetime) -> datetime:
    """When it was, as exactly as MongoDB keeps it: the hash is made again from what is stored."""
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = now
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _who(source: str, data: Mapping[str, Any]) -> str:
    """The people who decided, or the service that acted."""
    people = [_speaker(said) for said in (*_said(data), data) if said.get("by")]
    if people:
        return ", ".join(dict.fromkeys(people))
    return source.removeprefix("/handrail/")


def _speaker(said: Mapping[str, Any]) -> str:
    """Who said it, and in whose place, or that it was in advance."""
    delegation = said.get("delegation")
    if isinstance(delegation, dict) and delegation.get("of"):
        return f"{said['by']} for {delegation['of']}"
    return f"{said['by']} (in advance)" if said.get("window") else str(said["by"])


def _said(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What people said: several who decided, or one who answered."""
    decisions = data.get("decisions")
    said = decisions if isinstance(decisions, list) else [data.get("reply"), data.get("proposal")]
    standing = _standing([each for each in said if isinstance(each, dict)])
    # Of a vote, those who wanted what it came to.
    against = "approve" if "refusal" in data else "reject"
    return [each for each in standing if each.get("answer") != against] or standing


def _standing(said: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What nobody took back; where the last one does just that, it alone."""
    if said and said[-1].get("answer") == _WITHDRAW:
        return said[-1:]
    kept: list[Mapping[str, Any]] = []
    for each in said:
        if each.get("answer") == _WITHDRAW:
            kept = [other for other in kept if other.get("by") != each.get("by")]
        else:
            kept.append(each)
    return kept


def _what(subject: str, data: Mapping[str, Any]) -> str:
    """What happened, in a line: the first pattern of the subject whose fields are all there."""
    known = _Known(data)
    for pattern in _WHAT.get(subject, ()):
        try:
            return pattern.format_map(known)
        except KeyError:
            continue
    return subject


class _Known(dict[str, str]):
    """An event's fields as texts; what is nothing, or no simple value, is not there."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        alert, runbook, decisions = data.get("alert"), data.get("runbook"), data.get("decisions")
        said = decisions[0] if isinstance(decisions, list) and decisions else None
        nested = {
            "alert": alert.get("title") if isinstance(alert, dict) else None,
            "plan": runbook.get("title") if isinstance(runbook, dict) else None,
            "chosen": said.get("runbook") if isinstance(said, dict) else None,
            **_changes(data),
            "allowed": _allowed(data),
        }
        super().__init__(
            (name, str(value))
            for name, value in {**data, **nested}.items()
            if isinstance(value, str | int | float) and value != ""
        )


def _allowed(data: Mapping[str, Any]) -> str | None:
    """Who allowed in advance what nobody was asked for."""
    allowed = data.get("allowed_by")
    return ", ".join(map(str, allowed)) or None if isinstance(allowed, list) else None


def _changes(data: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of other values for a step: who wants which, and whether it has them."""
    proposal, change = data.get("proposal"), data.get("change")
    values = proposal.get("values") if isinstance(proposal, dict) else None
    change = change if isinstance(change, dict) else {}
    return {
        "wanted": ", ".join(f"{name} {value}" for name, value in values.items())
        if isinstance(values, dict)
        else None,
        "refused": change.get("refused"),
        "changed_by": change.get("by"),
    }


def _why(data: Mapping[str, Any]) -> str:
    for name in ("reason", "grouped_because", "summary", "why", "error"):
        if isinstance(data.get(name), str) and data[name]:
            return str(data[name])
    reasons = data.get("reasons")
    if isinstance(reasons, list):
        return "; ".join(str(reason) for reason in reasons)
    return "; ".join(str(said["reason"]) for said in _said(data) if said.get("reason"))


def _storable(text: str) -> str:
    """Without the halves of characters that JSON can name and UTF-8 cannot write."""
    return text.encode(errors="replace").decode()
