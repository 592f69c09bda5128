"""Puts tickets that belong together under one parent, as they are opened."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.ingest.correlation.grouping import Grouping, Member, Pool, decide
from services.ingest.correlation.placing import Child, Placed
from services.ingest.correlation.rules import Correlating, in_common
from services.ingest.ticket import Recorded
from shared.events import Event

log = structlog.get_logger(__name__)

# Replicas that make the same group at once: those that lost look again, and join it.
_ATTEMPTS: Final = 4


class Groups(Protocol):
    """See ``store.MongoGroups``."""

    async def members(self, keys: Sequence[str], since: datetime) -> list[Member]: ...

    async def free(self, ticket_id: UUID, key: str) -> None: ...

    async def lead(self, ticket_id: UUID, key: str, now: datetime) -> bool: ...

    async def put(self, children: Sequence[Child], now: datetime) -> None: ...

    async def placed(self, ticket_ids: Iterable[UUID]) -> list[Placed]: ...


class Grouper:
    """Groups the tickets that were just opened or reopened, by the rules."""

    def __init__(self, rules: Correlating, groups: Groups) -> None:
        self._rules = rules
        self._groups = groups

    async def group(
        self, recorded: Sequence[Recorded], now: datetime
    ) -> tuple[list[Recorded], tuple[Event, ...]]:
        """The same tickets with their parents, and what is to be told of older ones.

        Asks the store nothing where no rule is about any of them. What a crash leaves without a
        parent counts as a member when the next ticket comes.

        Raises:
            UnavailableError: the store does not answer.
        """
        fresh = {one.ticket_id: one for one in recorded if one.groups and one.parent_id is None}
        if not fresh:
            return list(recorded), ()
        touched = await self._settled(fresh, now)
        placed = {one.ticket_id: one for one in await self._groups.placed(touched)}
        for one in placed.values():
            log.info(
                "ticket.grouped",
                ticket_id=str(one.ticket_id),
                parent_id=str(one.parent_id),
                reason=one.reason,
            )
        # A ticket that is opened now says so itself; what of that is overtaken, ``Release`` tells.
        older = (one for id_, one in placed.items() if id_ not in fresh or not fresh[id_].opened)
        events = tuple(one.grouped() for one in older if one.untold)
        return [_with_parent(one, placed) for one in recorded], events

    async def _settled(self, fresh: dict[UUID, Recorded], now: datetime) -> set[UUID]:
        """Write what is decided until nothing came between; the tickets that may have a parent."""
        touched: set[UUID] = set()
        for _ in range(_ATTEMPTS):
            members = await self._groups.members(*self._asked(fresh.values(), now))
            touched |= fresh.keys() - {one.ticket_id for one in members}
            groupings = self.decided(fresh, members, now)
            if not groupings:
                return touched
            led = [one for one in groupings if await self._led(one, now)]
            children = [child for one in led for child in _children(one)]
            if children:
                await self._groups.put(children, now)
                touched |= {child.ticket_id for child in children}
            if len(led) == len(groupings):
                return touched
        log.warning("correlation.gave_up", tickets=len(fresh))
        return touched

    def _asked(self, fresh: Iterable[Recorded], now: datetime) -> tuple[list[str], datetime]:
        """The keys of all groups that the tickets may belong to, and since when these count."""
        groups = [group for one in fresh for group in one.groups]
        rules = (self._rules.rule(group.rule) for group in groups)
        longest = max((rule.within for rule in rules if rule is not None), default=timedelta())
        return list({group.key for group in groups}), now - longest

    def decided(
        self, fresh: dict[UUID, Recorded], members: Iterable[Member], now: datetime
    ) -> list[Grouping]:
        """The groups that these tickets make or join, one decision after the other."""
        pool, groupings = Pool(members), []
        # What makes no group with one ticket makes none with the next, as long as nothing changes.
        without: set[str] = set()
        for one in fresh.values():
            made = self._first(one, pool, without, now)
            if made is not None:
                pool.apply(made, now)
                groupings.append(made)
                without.clear()
        return groupings

    def _first(
        self, one: Recorded, pool: Pool, without: set[str], now: datetime
    ) -> Grouping | None:
        """What the first rule that groups a ticket says; None also where it is in a group."""
        member = pool.get(one.ticket_id)
        if member is None or member.leads:
            return None
        for group in one.groups:
            rule = self._rules.rule(group.rule)
            if rule is None or group.key in without:
                continue
            common = in_common(rule, one.alert)
            made = decide(rule, group.key, pool.about(group.key), common=common, now=now)
            if made is not None:
                return made
            without.add(group.key)
        return None

    async def _led(self, grouping: Grouping, now: datetime) -> bool:
        """Whether the group's parent leads it now."""
        if not grouping.newly:
            return True
        if grouping.freed is not None:
            await self._groups.free(grouping.freed, grouping.key)
        return await self._groups.lead(grouping.parent, grouping.key, now)


def _children(grouping: Grouping) -> list[Child]:
    return [
        Child(
            ticket_id=ticket_id,
            parent_id=grouping.parent,
            rule=grouping.rule,
            reason=reason,
        )
        for ticket_id, reason in grouping.children.items()
    ]


def _with_parent(one: Recorded, placed: dict[UUID, Placed]) -> Recorded:
    found = placed.get(one.ticket_id)
    if found is None:
        return one
    return replace(one, parent_id=found.parent_id, grouped_because=found.reason)
