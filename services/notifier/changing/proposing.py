"""Other values for a step: what it would be with them, and what sending them comes to."""

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.notifier.approval import Approval
from services.notifier.question import NotAsked, NotOffered, Recorded, Refused, too_late
from shared.events import ChangedValue, Proposal
from shared.lifecycle import ApprovalState
from shared.policy.voters import EVERYBODY, OnCall
from shared.runbook.changing import UnfitChangeError, changed_values, fitted, texts_with

#: The texts that a change is shown by, and how people call them.
_SHOWN: Final[Mapping[str, str]] = {
    "run": "The command",
    "target": "Where it runs",
    "check": "What says that it is done already",
    "rollback": "What takes it back",
}
#: So long a page looks by itself whether the new question is there.
SOON: Final = timedelta(seconds=30)
NOTHING: Final = "nothing of this step can be changed: answer yes or no"


@dataclass(frozen=True)
class Difference:
    """One text of a step: its lines, each with ``-`` for gone, ``+`` for new, or a space."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a step would be with other values.

    ``confirm`` stands for exactly this change of exactly this step: who sends it has seen it.
    """

    values: tuple[ChangedValue, ...]
    differences: tuple[Difference, ...]
    command: str
    confirm: str


def preview(approval: Approval, given: Mapping[str, str]) -> Preview:
    """What the step would be with these values.

    Raises:
        UnfitChangeError: it cannot have them; says what to change.
    """
    changeable = approval.changeable
    if changeable is None:
        raise UnfitChangeError(NOTHING)
    values = fitted(changeable, given)
    old = texts_with(changeable, approval.connector, {})
    new = texts_with(changeable, approval.connector, values)
    if old == new:
        raise UnfitChangeError("with these values it would be the same: change another one")
    told = tuple(
        ChangedValue(name=name, old=before, new=after)
        for name, before, after in changed_values(changeable, values)
    )
    said = [str(approval.id), approval.step_hash, {each.name: each.new for each in told}, new]
    return Preview(
        values=told,
        differences=tuple(_differences(old, new)),
        command=new.get("run", approval.command),
        confirm=hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32],
    )


def difference_of(approval: Approval) -> Difference | None:
    """How the command of a step that was changed differs from what it was."""
    change = approval.change
    if change is None or change.refused or "run" not in change.before:
        return None
    return Difference(_SHOWN["run"], tuple(_lines(change.before["run"], approval.command)))


def is_on_its_way(approval: Approval, now: datetime) -> bool:
    """Whether the question in its place, with other values or asked anew, is about to come."""
    since = approval.settled_at if approval.proposal is not None else None
    if approval.is_being_taken_back:
        since = approval.decisions[-1].at
    return since is not None and approval.superseded_by is None and now - since < SOON


def propose(
    approval: Approval, said: Proposal, *, now: datetime, on_call: OnCall = EVERYBODY
) -> Recorded[Approval] | Refused:
    """What it comes to that somebody wants other values: this request is superseded by another.

    Only those may change a step whose yes to it would count.
    """
    late = too_late(approval, said, now=now)
    if late is not None:
        return late
    objection = approval.voters.against(said.as_yes, on_call=on_call, since=approval.created_at)
    if objection:
        return NotAsked(objection)
    try:
        preview(approval, said.values)
    except UnfitChangeError as error:
        return NotOffered(str(error))
    update = {"state": ApprovalState.SUPERSEDED, "settled_at": now, "proposal": said}
    return Recorded(approval.model_copy(update=update))


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for name, title in _SHOWN.items():
        if name in new and old[name] != new[name]:
            yield Difference(title, tuple(_lines(old[name], new[name])))


def _lines(old: str, new: str) -> Iterator[str]:
    """The lines of both, what stayed with a space before it."""
    both = difflib.ndiff(old.split("\n"), new.split("\n"))
    return (f"{line[0]} {line[2:]}" for line in both if line[0] != "?")
