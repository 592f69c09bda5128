"""What a policy comes to for one step, and how it got there."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from shared.events import OnExpiry
from shared.policy.terms import Met, Mode, Outcome, strictest

_NEVER: Final = 3


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
    expires: timedelta | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    mode: Mode = Mode.ACT
    trace: tuple[Considered, ...] = ()

    @property
    def strictness(self) -> int:
        """0 runs it, 1 and 2 ask so many people, 3 never runs it."""
        return _NEVER if self.outcome is Outcome.DENY else self.required


def stricter(one: Ruling, other: Ruling) -> Ruling:
    """The stricter of two, with what the other one narrows besides; of two alike, the first."""
    first, second = (one, other) if one.strictness >= other.strictness else (other, one)
    both = tuple(person for person in first.who if person in second.who)
    # Whoever both let answer, if those are enough.
    who = both if len(both) >= max(1, first.required) else first.who or second.who
    if not first.who and len(second.who) < first.required:
        who = ()
    spans = [span for span in (first.expires, second.expires) if span is not None]
    return replace(
        first,
        who=who,
        not_requester=first.not_requester or second.not_requester,
        expires=min(spans, default=None),
        mode=strictest(first.mode, second.mode),
    )
