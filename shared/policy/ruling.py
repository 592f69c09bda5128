"""What a policy comes to for one step, and how it got there."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from shared.events import OnExpiry, OnNo, Seat
from shared.policy.terms import Met, Mode, Outcome, strictest

# More than anybody asks.
_NEVER: Final = 100


@dataclass(frozen=True)
class Considered:
    """One thing that was looked at on the way; ``why`` is what it said."""

    name: str
    met: Met
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.met}: {self.why}"


@dataclass(frozen=True)
class Ruling:
    """What is to be done with one step.

    Attributes:
        outcome: run it, ask people, or never run it.
        rule: what decided: a rule, ``default``, ``deny NAME``, ``trust``, ``caps`` or ``stop``.
        reason: why, for people.
        required: how many different people have to say yes.
        who: the addresses of those who may, and ``on-call``; everybody where it is empty.
        not_requester: whether whoever asked for the ticket may not.
        seats: those of whom each has to say yes, by different people.
        on_no: whether the first no ends it, or is a vote.
        expires: how long they have; as usual where it is None.
        on_expiry: what becomes of the ticket when they let it pass; the step does not run.
        mode: whether the plan is run at all.
        trace: everything that was considered, in order.
    """

    outcome: Outcome
    rule: str
    reason: str
    required: int = 0
    who: tuple[str, ...] = ()
    not_requester: bool = True
    seats: tuple[Seat, ...] = ()
    on_no: OnNo = OnNo.REJECT
    expires: timedelta | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    mode: Mode = Mode.ACT
    trace: tuple[Considered, ...] = ()

    @property
    def strictness(self) -> int:
        """0 runs it, 1 and more ask so many people, 100 never runs it."""
        return _NEVER if self.outcome is Outcome.DENY else self.required


def stricter(one: Ruling, other: Ruling) -> Ruling:
    """The stricter of two, with what the other one narrows besides; of two alike, the first.

    Whoever one of them wants among the people is wanted; a no is a vote only where it is in both.
    """
    first, second = (one, other) if one.strictness >= other.strictness else (other, one)
    seats = _both_seats(first, second)
    required = max(first.required, len(seats))
    both = tuple(person for person in first.who if person in second.who)
    # Whoever both let answer, if those are enough.
    who = both if len(both) >= max(1, required) else first.who or second.who
    if not first.who and len(second.who) < required:
        who = ()
    if who:
        who = tuple(dict.fromkeys((*who, *(each for seat in seats for each in seat.people))))
    spans = [span for span in (first.expires, second.expires) if span is not None]
    asking = [ruling for ruling in (first, second) if ruling.required]
    rejects = any(ruling.on_no is OnNo.REJECT for ruling in asking)
    return replace(
        first,
        required=required,
        who=who,
        seats=seats,
        on_no=OnNo.REJECT if rejects else first.on_no,
        not_requester=first.not_requester or second.not_requester,
        expires=min(spans, default=None),
        mode=strictest(first.mode, second.mode),
    )


def _both_seats(first: Ruling, second: Ruling) -> tuple[Seat, ...]:
    """The seats of both; one that both have is for whoever is in it by both, if anybody is."""
    found = {seat.name: seat for seat in first.seats}
    for seat in second.seats:
        before = found.get(seat.name, seat)
        both = tuple(person for person in before.people if person in seat.people)
        found[seat.name] = before.model_copy(update={"people": both or before.people})
    return tuple(found.values())
