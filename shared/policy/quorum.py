"""What people's answers to one step come to: the same for who records them and who acts on them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.events import Answer, ApprovalRule, Decision, OnNo, Seat
from shared.lifecycle import ApprovalState
from shared.policy.terms import is_on_call
from shared.policy.voters import EVERYBODY, OnCall, Voters, different, person_of, voters


@dataclass(frozen=True)
class Standing:
    """What the answers so far come to.

    Attributes:
        state: approved, rejected, or pending while more answers may change it.
        yes: those of different people that count.
        no: those that speak against it.
        missing: how many more have to say yes.
        among: from whom some of these have to be: the names of ``unfilled`` seats, or of more where
            it does not matter which of them.
        unfilled: how many seats have nobody yet.
        objections: why yeses that were given do not count.
    """

    state: ApprovalState
    yes: tuple[Decision, ...] = ()
    no: tuple[Decision, ...] = ()
    missing: int = 0
    among: tuple[str, ...] = ()
    unfilled: int = 0
    objections: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """Whose yes is missing, for people; empty where none is."""
        if self.state is not ApprovalState.PENDING:
            return ""
        more = f"{self.missing} more yes"
        if not self.unfilled:
            return more
        each = self.unfilled == len(self.among)
        names = (" and " if each else " or ").join(self.among)
        some = "of" if self.missing == self.unfilled else "among them of"
        return f"{more}, {some} {names}"


@dataclass(frozen=True)
class Quorum:
    """Whose yes a step needs.

    With ``on_no: majority`` a no is a vote of those whose yes would count. The step is approved
    when enough said yes, more than said no, and rejected when as many said no as have to say yes,
    or when those who could still answer are too few. Otherwise the first no of anybody rejects it.
    """

    voters: Voters
    required: int = 1
    seats: tuple[Seat, ...] = ()
    on_no: OnNo = OnNo.REJECT

    @property
    def needed(self) -> int:
        """How many different people have to say yes: at least one, and one for each seat."""
        return max(1, self.required, len(self.seats))

    def standing(
        self, decisions: Sequence[Decision], *, since: datetime, on_call: OnCall = EVERYBODY
    ) -> Standing:
        """What answers come to, the oldest first; ``since`` is when it was asked."""
        said = words(decisions)
        judged = [(each, self.voters.against(each, on_call=on_call, since=since)) for each in said]
        objections = tuple(w for each, w in judged if w and each.answer is Answer.APPROVE)
        counted = different(each for each, why in judged if not why)
        if self.on_no is OnNo.REJECT:
            no = tuple(each for each in said if each.answer is Answer.REJECT)
        else:
            no = tuple(each for each in counted if each.answer is Answer.REJECT)
        votes = tuple(each for each in counted if each.answer is Answer.APPROVE)
        places = [self._seats_of(each, on_call, since) for each in votes] if self.seats else []
        filled = _filled(places)
        unfilled = len(self.seats) - filled
        missing = max(self.needed - len(votes), unfilled)
        if self.on_no is OnNo.MAJORITY:
            missing = max(missing, len(no) + 1 - len(votes))
        state = ApprovalState.PENDING
        if no and (self.on_no is OnNo.REJECT or self._is_lost(said, votes, no)):
            state = ApprovalState.REJECTED
        elif missing <= 0:
            state = ApprovalState.APPROVED
        among = tuple(
            seat.name
            for at, seat in enumerate(self.seats)
            if unfilled and _filled([*places, {at}]) > filled
        )
        return Standing(state, votes, no, max(0, missing), among, unfilled, objections)

    def _is_lost(
        self, said: Iterable[Decision], yes: Sequence[Decision], no: Sequence[Decision]
    ) -> bool:
        """Whether as many spoke against it as would have to agree, or too few are left to agree."""
        if len(no) >= self.needed:
            return True
        everybody = set(self.voters.who)
        if not everybody or any(map(is_on_call, everybody)):
            return False
        answered = {one for each in said for one in _people(each)}
        left = {one for one in everybody - answered if not self.voters.is_requester(one)}
        places = [self._named(one) for one in (*(each.behalf.casefold() for each in yes), *left)]
        votes = len(yes) + len(left)
        enough = votes >= max(self.needed, len(no) + 1)
        return not enough or _filled(places) < len(self.seats)

    def _named(self, by: str) -> set[int]:
        return {at for at, seat in enumerate(self.seats) if by in seat.people}

    def _seats_of(self, said: Decision, on_call: OnCall, since: datetime) -> set[int]:
        """The seats that this person may take."""
        by = said.behalf.casefold()
        found = self._named(by)
        for at, seat in enumerate(self.seats):
            for term in filter(is_on_call, seat.people):
                people = on_call.between(term, since, said.at)
                if people is None or by in people:
                    found.add(at)
        return found


def quorum(rule: ApprovalRule, *, requester: str) -> Quorum:
    """Whose yes a rule of the policy wants, for a ticket that ``requester`` asked for."""
    whose = voters(
        rule.who,
        requester=requester,
        not_requester=rule.not_requester,
        co_requesters=rule.co_requesters,
    )
    return Quorum(whose, rule.required, rule.seats, rule.on_no)


def words(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """What each person's word is by now: nothing of whoever took it back."""
    said: dict[str, Decision] = {}
    for each in decisions:
        who = person_of(each.by, each.channel)
        if each.answer is Answer.WITHDRAW:
            said.pop(who, None)
        elif each.answer is Answer.REJECT or who not in said:
            said[who] = each
    return tuple(said.values())


def can_be_filled(seats: Sequence[Seat], required: int, others: Collection[str] = ()) -> bool:
    """Whether there are enough different people for all seats, and ``required`` in all."""
    everybody = {*others, *(one for seat in seats for one in seat.people)}
    if any(map(is_on_call, everybody)):
        return True
    places = [{at for at, seat in enumerate(seats) if one in seat.people} for one in everybody]
    return len(everybody) >= required and _filled(places) == len(seats)


def _people(said: Decision) -> tuple[str, str]:
    return person_of(said.by, said.channel), person_of(said.behalf, said.channel)


def _filled(places: Sequence[Collection[int]]) -> int:
    """For how many seats there is somebody of their own, where each person may take some."""
    taken: dict[int, int] = {}
    return sum(_seated(one, places, taken, set()) for one in range(len(places)))


def _seated(
    one: int, places: Sequence[Collection[int]], taken: dict[int, int], tried: set[int]
) -> bool:
    """Give somebody a seat, also by having others change theirs (an augmenting path)."""
    for seat in places[one]:
        if seat in tried:
            continue
        tried.add(seat)
        if seat not in taken or _seated(taken[seat], places, taken, tried):
            taken[seat] = one
            return True
    return False
