"""Who is asked beside those who are away; pure but for what stands at the moment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.notifier.approval import Approval
from services.notifier.channels.directory import Directory
from services.notifier.recipients import Recipient
from shared.config.routes import EMAIL
from shared.events import Delegation


class Standing(Protocol):
    """See ``shared.standing.live.LiveStanding``."""

    def of(self, person: str, at: datetime) -> Sequence[Delegation]: ...


@dataclass(frozen=True)
class StandIns:
    """Those to whom people handed their yes, where they are reached."""

    directory: Directory
    standing: Standing

    def beside(
        self,
        approval: Approval,
        chosen: Iterable[Recipient],
        told: Iterable[Recipient],
        at: datetime,
    ) -> tuple[Recipient, ...]:
        """Who is told with those who are ``chosen``, but for those who were ``told`` before.

        On the same channel where it leads to them, else by mail.
        """
        chosen = tuple(chosen)
        known = {(one.via, one.email.casefold()) for one in (*chosen, *told)}
        found: list[Recipient] = []
        for to in self._each(approval, chosen, at):
            if (to.via, to.email.casefold()) not in known:
                known.add((to.via, to.email.casefold()))
                found.append(to)
        return tuple(found)

    def _each(
        self, approval: Approval, chosen: Iterable[Recipient], at: datetime
    ) -> Iterator[Recipient]:
        people = {one.email.casefold(): one for one in self.directory.people}
        for to in chosen:
            for word in () if to.is_room else self.standing.of(to.email, at):
                person = people.get(word.to)
                if person is None or approval.voters.is_requester(word.to):
                    continue
                there = self.directory.person(person, to.via or EMAIL)
                there = there or self.directory.person(person, EMAIL)
                if there is not None:
                    yield there.model_copy(update={"round": to.round, "stands_for": to.name})
