"""Whose yes counts for one step: one answer for whoever asks, records, and acts on it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from shared.events import Decision, Delegation
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
        co_requesters: those whose yes counts no more than that: who asked for the plan since, or
            wrote the command.
    """

    who: Collection[str] = ()
    requester: str = ""
    co_requesters: Collection[str] = ()

    def is_requester(self, by: str) -> bool:
        """Whether this person is one of those who asked for it.

        Who asked at a terminal is known by a login alone: it stands for the addresses that begin
        with it.
        """
        return any(_is(by, one) for one in (self.requester, *self.co_requesters) if one)

    def objection(
        self, by: str, channel: str, *, on_call: OnCall, since: datetime, until: datetime
    ) -> str:
        """Why this person's yes does not count; empty where it does.

        Who was asked while on call may still answer after the handoff, and who takes over may
        answer too: so ``since`` is when it was asked, and ``until`` when it was answered.
        """
        if self.requester and _is(by, self.requester):
            return f"{self.requester} asked for this ticket, and the yes has to be another person's"
        if self.is_requester(by):
            return f"{by} asked for this plan or wrote the command: another person has to say yes"
        asked = ", ".join(filter(None, (self.requester, *self.co_requesters)))
        if asked and channel == _TERMINAL:
            return (
                f"{asked} asked for this ticket, and nobody can tell who sits at a "
                "terminal: another person has to answer by a link of their own"
            )
        if self.who and not self._named(by.casefold(), on_call, since, until):
            return f"the answer of others is wanted here: {', '.join(self.who)}"
        return ""

    def against(self, said: Decision, *, on_call: OnCall, since: datetime) -> str:
        """Why this answer does not count, also one in another's place or in advance; see above.

        Its signatures are for the caller to check, and what a window is about.
        """
        if said.delegation is not None:
            return _misused(said, said.delegation, self) or self.objection(
                said.delegation.of, said.channel, on_call=on_call, since=since, until=said.at
            )
        if said.window is not None:
            word = said.window
            if (word.by, word.channel) != (said.by, said.channel) or not word.holds_at(said.at):
                return f"{word.by} allowed it in advance only until {word.until:%Y-%m-%d %H:%M} UTC"
            # Who was on call when it was allowed may not be so when it is made use of.
            since = said.at
        return self.objection(said.by, said.channel, on_call=on_call, since=since, until=said.at)

    def _named(self, by: str, on_call: OnCall, since: datetime, until: datetime) -> bool:
        if by in self.who:
            return True
        terms = [on_call.between(term, since, until) for term in self.who if is_on_call(term)]
        return any(people is None or by in people for people in terms)


def _is(by: str, asked: str) -> bool:
    """Whether who answers is who asked, by an address or by a login."""
    by, asked = by.casefold(), asked.casefold()
    return asked in (by, by.partition("@")[0])


def _misused(said: Decision, word: Delegation, voters: Voters) -> str:
    """What is wrong with an answer in another's place."""
    by = said.by.casefold()
    if said.window is not None or by != word.to or not word.holds_at(said.at):
        return f"{said.by} may not answer for {word.of}"
    if voters.is_requester(by):
        return f"{said.by} asked for this ticket, and does not answer for others either"
    return ""


def different(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Those of different people: who answers for another is one person with that other."""
    kept: list[Decision] = []
    known: set[str] = set()
    for said in decisions:
        people = {person_of(said.by, said.channel), person_of(said.behalf, said.channel)}
        if known.isdisjoint(people):
            kept.append(said)
            known |= people
    return tuple(kept)


def person_of(by: str, channel: str) -> str:
    """What tells one person from another among those who answer."""
    # Whoever sits at a terminal, it is one person.
    return _TERMINAL if channel == _TERMINAL else by.casefold()


def voters(
    who: Collection[str],
    *,
    requester: str,
    not_requester: bool,
    co_requesters: Collection[str] = (),
) -> Voters:
    """Those whose yes counts by a rule of the policy, for a ticket that ``requester`` asked for."""
    return Voters(who, requester, co_requesters) if not_requester else Voters(who)
