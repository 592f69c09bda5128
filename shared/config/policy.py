"""``policy`` and ``teams``: who has to say yes to what, what never runs, and how much may."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    field_validator,
    model_validator,
)

from shared.config.section import Section
from shared.durations import PositiveDuration
from shared.events import OnExpiry, OnNo, Seat
from shared.policy.quorum import can_be_filled
from shared.policy.terms import ON_CALL, Mode, is_on_call, on_call_of
from shared.policy.words import wrong_with

#: Where something stands in a document, and what is wrong with it.
Located = tuple[tuple[str | int, ...], str]

_MOST_PEOPLE: Final = 5


def _condition(text: str) -> str:
    for wrong in wrong_with(text):
        raise ValueError(f"at character {wrong.offset + 1}: {wrong.message}")
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}: write one as Europe/Berlin") from None
    return name


def _written(span: timedelta) -> str:
    return f"{span.total_seconds():.3f}s"


Name = Annotated[str, Field(min_length=1, max_length=100)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
PolicyCondition = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_condition)]
CommandPattern = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_pattern)]
Span = Annotated[PositiveDuration, PlainSerializer(_written)]
Count = Annotated[int, Field(ge=1, le=100_000)]
ZoneName = Annotated[str, AfterValidator(_zone)]
TeamName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
Teams = dict[TeamName, Annotated[tuple[str, ...], Field(min_length=1)]]


class Rule(Section):
    """What is to be done with a step that ``when`` holds for; without ``when`` with every step.

    ``auto`` runs it, ``require`` asks so many different people, ``deny`` never runs it. ``from``
    are people's addresses, teams, ``on-call`` or ``on-call:SCHEDULE``; everybody may answer where
    it is not said. Each of ``from_each``, likewise, has to say yes by a person of its own: without
    ``require`` so many people are asked, and without ``from`` nobody else.
    """

    name: Name
    when: PolicyCondition | None = None
    auto: Literal[True] | None = None
    require: int | None = Field(None, ge=1, le=_MOST_PEOPLE)
    deny: Reason | None = None
    from_: Annotated[tuple[str, ...], Field(alias="from")] = ()
    from_each: Annotated[tuple[str, ...], Field(max_length=_MOST_PEOPLE)] = ()
    on_no: OnNo = OnNo.REJECT
    not_requester: bool = True
    expires: Span | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    mode: Mode = Mode.ACT

    @property
    def asks(self) -> int | None:
        """How many different people have to say yes; None where nobody is asked."""
        return self.require or len(self.from_each) or None

    @field_validator("from_each")
    @classmethod
    def _each_once(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        for name in named:
            if named.count(name) > 1:
                raise ValueError(f"{name} is there twice: `require` says how many people in all")
        return named

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Rule":
        said = [name for name in ("auto", "require", "deny") if getattr(self, name) is not None]
        if len(said) != 1 and (said or not self.from_each):
            raise ValueError("say one of `auto: true`, `require: 1` (up to 5), `deny: a reason`")
        mine = {"from_", "from_each", "on_no", "not_requester", "expires", "on_expiry"}
        if (asks := mine & self.model_fields_set) and said and self.require is None:
            name = min(asks).rstrip("_")
            raise ValueError(f"`{name}` goes with `require`, and this rule says `{said[0]}`")
        if self.require is not None and self.require < len(self.from_each):
            each = len(self.from_each)
            raise ValueError(f"`from_each` names {each}, so `require` is at least {each}")
        return self


class Deny(Section):
    """Steps that never run, whatever the rules say.

    By a condition, or by a regular expression that is found in a command, check or rollback; there
    a space stands for any space, and capitals do not matter.
    """

    name: Name
    when: PolicyCondition | None = None
    command: CommandPattern | None = None
    reason: Reason = "the policy never allows it"

    @model_validator(mode="after")
    def _says_which(self) -> "Deny":
        if (self.when is None) == (self.command is None):
            raise ValueError("say which steps: either `when` or `command`")
        return self


class Caps(Section):
    """How much may be done in an hour: changing steps on one target, plans from one runbook."""

    per_target_per_hour: Count | None = None
    per_runbook_per_hour: Count | None = None


class Locks(Section):
    """Whether only one session at a time may work on a target."""

    target: bool = True


class Modes(Section):
    """What is done about tickets of a source, and with plans of runbooks (``*``: anything).

    Of all that fit, also those of rules, the one that does the least counts.
    """

    sources: dict[str, Mode] = Field(default_factory=dict)
    runbooks: dict[str, Mode] = Field(default_factory=dict)


class Earned(Section):
    """From when on a runbook's text is trusted (``history.trusted``)."""

    runs: Count = 20
    rate: float = Field(0.95, gt=0, le=1)


class Trust(Section):
    """How trust is earned, and after how many failures in a row a runbook is off."""

    after: Earned = Earned()
    lost_after: Count = 3


class PolicyConfig(Section):
    """The whole policy; of ``rules``, the first whose condition holds decides."""

    timezone: ZoneName = "UTC"
    rules: tuple[Rule, ...] = ()
    deny: tuple[Deny, ...] = ()
    caps: Caps = Caps()
    locks: Locks = Locks()
    modes: Modes = Modes()
    trust: Trust = Trust()

    @field_validator("rules", "deny")
    @classmethod
    def _each_name_once(cls, named: tuple[Rule | Deny, ...]) -> tuple[Rule | Deny, ...]:
        names = [one.name for one in named]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the name {name!r} is there twice: a decision names its rule")
        return named


def _how(written: Any) -> str:
    return "file" if isinstance(written, str) else "policy"


#: What ``policy`` in ``handrail.yaml`` is: the policy, or the file that has it.
PolicySection = Annotated[
    Annotated[Annotated[str, Field(min_length=1)], Tag("file")]
    | Annotated[PolicyConfig, Tag("policy")],
    Discriminator(_how),
]


def team_mistakes(teams: Teams, emails: Iterable[str]) -> Iterator[Located]:
    """Members of teams who are nobody, each at its place in ``teams``."""
    known = {email.lower() for email in emails}
    for team, members in teams.items():
        for position, member in enumerate(members):
            if member.lower() not in known:
                yield (team, position), f"there is no {member} under `people`"


def people_mistakes(
    policy: PolicyConfig,
    teams: Mapping[str, tuple[str, ...]],
    emails: Iterable[str],
    schedules: Iterable[str] = (),
) -> Iterator[Located]:
    """Whom rules ask and who is nobody, or too few, each at its place in the policy."""
    nobody = partial(not_known, teams=teams, emails=emails, schedules=schedules)
    for at, rule in enumerate(policy.rules):
        for position, named in enumerate(rule.from_):
            if message := nobody(named):
                yield ("rules", at, "from", position), message
        for position, named in enumerate(rule.from_each):
            if message := nobody(named):
                yield ("rules", at, "from_each", position), message
        asked = people_in((*rule.from_, *rule.from_each), teams)
        if asked and not any(map(is_on_call, asked)):
            if len(asked) < (rule.asks or 0):
                message = f"it asks {rule.asks} different people, and names {len(asked)}"
                yield ("rules", at, "require" if rule.require else "from_each"), message
            elif not can_be_filled(seats_of(rule, teams), rule.asks or 0, asked):
                message = "the same people stand for several of these: each needs one of its own"
                yield ("rules", at, "from_each"), message


def not_known(
    named: str, *, teams: Collection[str], emails: Iterable[str], schedules: Iterable[str]
) -> str:
    """What is wrong with a word for people; empty where it is somebody."""
    terms = (ON_CALL, *map(on_call_of, sorted(schedules)))
    if named in teams or named in terms or named.lower() in {email.lower() for email in emails}:
        return ""
    if is_on_call(named):
        known = ", ".join(sorted(schedules)) or "none"
        return f"there is no schedule {named.partition(':')[2]} (under `schedules`: {known})"
    listed = ", ".join((*sorted(teams), *terms))
    return f"{named} is no address under `people`, and no team (there are {listed})"


def seats_of(rule: Rule, teams: Mapping[str, tuple[str, ...]]) -> tuple[Seat, ...]:
    """Those of whom a rule wants a yes each, with the people that they are."""
    return tuple(Seat(name=name, people=people_in((name,), teams)) for name in rule.from_each)


def people_in(named: Iterable[str], teams: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The addresses behind people and teams, each once; who is on call stays a word."""
    members = (member.lower() for name in named for member in teams.get(name, (name,)))
    return tuple(dict.fromkeys(members))
