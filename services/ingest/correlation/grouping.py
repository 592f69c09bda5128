"""Decides which tickets are put under which: pure, from what is known of them at one moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.ingest.comeback import spoken
from services.ingest.ruling import Membership
from shared.config.correlation import CorrelationRule
from shared.lifecycle import TICKET_ENDED, TicketState

#: A ticket that is planned, or that a person was called to, is not put under another.
MAY_BE_CHILD: Final = frozenset({TicketState.NEW, TicketState.REOPENED, TicketState.TRIAGED})


@dataclass(frozen=True)
class Member:
    """A ticket that has no parent, as correlation sees it.

    ``since`` is when it was opened, or last reopened. ``leads`` are the keys of the groups that it
    leads; ``has_led`` stays when it leads none any more. ``led_at`` is when a ticket was last put
    under it.
    """

    ticket_id: UUID
    state: TicketState
    created_at: datetime
    since: datetime
    groups: tuple[Membership, ...]
    leads: frozenset[str] = frozenset()
    has_led: bool = False
    led_at: datetime | None = None

    @property
    def may_be_child(self) -> bool:
        """Whether it may be put under another; never once it led, so that depth is 1 for ever."""
        return self.state in MAY_BE_CHILD and not self.has_led

    def membership(self, key: str) -> Membership | None:
        """Its membership in the group with that key."""
        return next((one for one in self.groups if one.key == key), None)


@dataclass(frozen=True)
class Grouping:
    """A group as it is to be: ``children`` with the reason of each.

    ``newly`` says whether the parent is yet to be made the leader, and ``freed`` names the ticket
    that led the group until it ended.
    """

    rule: str
    key: str
    parent: UUID
    newly: bool
    children: Mapping[UUID, str] = field(default_factory=dict)
    freed: UUID | None = None


class Pool:
    """Tickets without a parent, as they are while one decision follows the other."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = {one.ticket_id: one for one in members}
        self._about: dict[str, set[UUID]] = {}
        for one in self._members.values():
            for key in one.leads.union(group.key for group in one.groups):
                self._about.setdefault(key, set()).add(one.ticket_id)

    def get(self, ticket_id: UUID) -> Member | None:
        """A ticket; None once it has a parent."""
        return self._members.get(ticket_id)

    def about(self, key: str) -> list[Member]:
        """Those that have a part in a group, or lead it."""
        found = (self._members.get(one) for one in self._about.get(key, ()))
        return [one for one in found if one is not None]

    def apply(self, grouping: Grouping, now: datetime) -> None:
        """Take it that a group is as it was decided."""
        for child in grouping.children:
            del self._members[child]
        if grouping.freed is not None:
            freed = self._members[grouping.freed]
            self._members[grouping.freed] = replace(freed, leads=freed.leads - {grouping.key})
        parent = self._members[grouping.parent]
        self._members[grouping.parent] = replace(
            parent, leads=parent.leads | {grouping.key}, has_led=True, led_at=now
        )


def decide(
    rule: CorrelationRule,
    key: str,
    members: Sequence[Member],
    *,
    common: str,
    now: datetime,
) -> Grouping | None:
    """The group that tickets make or join by one rule; None where there is none.

    ``members`` are those with that key, and whoever leads it, also one that has ended. ``common``
    says what they have in common, for people. The parent is the ticket that leads already, else the
    oldest that is open.
    """
    began = now - rule.within
    holder = next((one for one in members if key in one.leads), None)
    leader = holder if holder is not None and _is_open(holder) else None
    recent = [
        one
        for one in members
        if _is_open(one) and one.since >= began and one.membership(key) is not None
    ]
    joins = leader is not None and max(leader.since, leader.led_at or leader.since) >= began
    met = _met(rule, key, recent)
    if met < rule.at_least and not joins:
        return None
    parent = leader or min(recent, key=_age)
    reason = _reason(rule, common, met if met >= rule.at_least else None)
    children = {
        one.ticket_id: reason
        for one in sorted(recent, key=_age)
        if one.ticket_id != parent.ticket_id and one.may_be_child
    }
    if not children:
        return None
    return Grouping(
        rule=rule.name,
        key=key,
        parent=parent.ticket_id,
        newly=leader is None,
        children=children,
        freed=holder.ticket_id if holder is not None and leader is None else None,
    )


def _met(rule: CorrelationRule, key: str, recent: Sequence[Member]) -> int:
    """How many tickets there are; or how many different conditions they meet."""
    if not rule.of:
        return len(recent)
    found = (one.membership(key) for one in recent)
    return len({part for one in found if one is not None for part in one.parts})


def _reason(rule: CorrelationRule, common: str, met: int | None) -> str:
    what = "another ticket" if met is None else f"{met} tickets"
    if met is not None and rule.of:
        what = f"{met} of {len(rule.of)} conditions"
    because = f": {rule.reason}" if rule.reason else ""
    return f"rule {rule.name}: {what} in {spoken(rule.within)} with {common}{because}"


def _is_open(one: Member) -> bool:
    return one.state not in TICKET_ENDED


def _age(one: Member) -> tuple[datetime, UUID]:
    return one.created_at, one.ticket_id
