"""Whose yes counts for one step: one answer for whoever asks, records, and acts on it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from shared.policy.terms import is_on_call

# The channel of answers that are given at a terminal: nobody can tell who sits there.
_TERMINAL: Final = "terminal"


class OnCall(Protocol):
    """Who was on call; see ``shared.oncall.roster.Roster``."""

    def between(self, term: str, since: datetime, until: datetime) -> frozenset[str] | None:
        """Everybody who was on call at some time of a span, by their addresses in small letters.

        ``term`` is ``on-call`` or ``on-call:SCHEDULE``; None is everybody, where nobody keeps a
        schedule.
        """
        ...


class Everybody:
    """Where no schedules are kept, everybody is on call."""

    def between(self, term: str, since: datetime, until: datetime) -> frozenset[str] | None:  # noqa: ARG002 see OnCall
        return None


EVERYBODY: Final = Everybody()


@dataclass(frozen=True)
class Voters:
    """Those whose yes counts.

    Attributes:
        who: addresses in small letters, ``on-call`` and ``on-call:SCHEDULE``; everybody where it
            is empty.
        requester: who asked for the ticket, where that person's yes does not count.
    """

    who: Collection[str] = ()
    requester: str = ""

    def objection(
        self, by: str, channel: str, *, on_call: OnCall, since: datetime, until: datetime
    ) -> str:
        """Why this person's yes does not count; empty where it does.

        Who was asked while on call may still answer after the handoff, and who takes over may
        answer too: so ``since`` is when it was asked, and ``until`` when it was answered.
        """
        if self.requester and by.casefold() == self.requester.casefold():
            return f"{self.requester} asked for this ticket, and the yes has to be another person's"
        if self.requester and channel == _TERMINAL:
            return (
                f"{self.requester} asked for this ticket, and nobody can tell who sits at a "
                "terminal: another person has to answer by a link of their own"
            )
        if self.who and not self._named(by.casefold(), on_call, since, until):
            return f"the policy wants the yes of others here: {', '.join(self.who)}"
        return ""

    def _named(self, by: str, on_call: OnCall, since: datetime, until: datetime) -> bool:
        if by in self.who:
            return True
        terms = [on_call.between(term, since, until) for term in self.who if is_on_call(term)]
        return any(people is None or by in people for people in terms)


def voters(who: Collection[str], *, requester: str, not_requester: bool) -> Voters:
    """Those whose yes counts by a rule of the policy, for a ticket that ``requester`` asked for."""
    return Voters(who, requester if not_requester else "")
