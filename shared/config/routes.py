"""``routes``: whom a question goes to, over what, and what comes when nobody answers."""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from shared.config.channels import ENDS
from shared.config.channels import Kind as Told
from shared.config.clocks import Hours
from shared.config.policy import Located, Name, Span, Teams, ZoneName, not_known
from shared.config.section import Section
from shared.lifecycle import Risk, Severity
from shared.policy.words import WORDS, wrong_with

#: The channel that needs no mention under ``channels``.
EMAIL: Final = "email"

#: What conditions of routes may ask about: what is known of a question when it is asked.
ROUTE_WORDS: Final[dict[str, dict[str, object]]] = {
    "ticket": {
        name: value for name, value in WORDS["ticket"].items() if name not in {"count", "flapping"}
    },
    "runbook": {"name": "restart", "labels": {}},
    "step": {"id": "restart", "uses": "ssh", "risk": "high", "command": "systemctl restart web"},
    "target": WORDS["target"],
    "time": WORDS["time"],
    "question": {"kind": "approval"},
    "outcome": {"kind": "resolved"},
}


def _condition(text: str) -> str:
    for wrong in wrong_with(text, ROUTE_WORDS):
        raise ValueError(f"at character {wrong.offset + 1}: {wrong.message}")
    return text


RouteCondition = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_condition)]
#: Addresses, teams, ``on-call`` and ``on-call:SCHEDULE``.
Whom = tuple[str, ...]
#: Names of channels.
Over = Annotated[tuple[str, ...], Field(min_length=1)]


class Escalation(Section):
    """Who else is asked when nobody has answered ``after`` the question was first asked."""

    after: Span
    to: Annotated[Whom, Field(min_length=1)]
    by: Over | None = None


class Reminders(Section):
    """How often those who were asked are asked again, and how many times at most."""

    every: Span
    most: int = Field(3, ge=1, le=20)


class Quiet(Section):
    """Hours in which questions about these severities wait for their end, if they can."""

    hours: Annotated[tuple[Hours, ...], Field(min_length=1)]
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (Severity.P3, Severity.P4)


class Digest(Section):
    """Questions of these risks are gathered for so long, and come in one mail."""

    within: Span
    risks: Annotated[tuple[Risk, ...], Field(min_length=1)] = (Risk.LOW,)


class Outcomes(Section):
    """What is told of tickets, instead of what channels say under ``tell``.

    To whom and over what the route says, where it is not said here.
    """

    tell: tuple[Told, ...] = ENDS
    to: Whom | None = None
    by: Over | None = None


class RouteConfig(Section):
    """Whom the questions go to that ``when`` holds for; without ``when``, all that come so far.

    To everybody who may answer where ``to`` is not said. ``timezone`` is that of ``time`` and of
    quiet hours.
    """

    name: Name
    when: RouteCondition | None = None
    timezone: ZoneName = "UTC"
    to: Whom = ()
    by: Over = (EMAIL,)
    escalate: tuple[Escalation, ...] = ()
    remind: Reminders | None = None
    quiet: Quiet | None = None
    digest: Digest | None = None
    outcomes: Outcomes | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "RouteConfig":
        for earlier, later in pairwise(self.escalate):
            if later.after <= earlier.after:
                raise ValueError("`escalate`: each step comes later than the one before it")
        return self

    def quiet_for(self, severity: Severity) -> tuple[Hours, ...]:
        """The hours in which such a question waits."""
        if self.quiet is None or severity not in self.quiet.severities:
            return ()
        return self.quiet.hours

    def gathered_for(self, risk: Risk | None) -> timedelta | None:
        """How long such questions are gathered; None where each comes alone."""
        if self.digest is None or risk not in self.digest.risks:
            return None
        return self.digest.within


#: Where no route matches, or there is none: everybody who may answer, at once.
DEFAULT: Final = RouteConfig(name="no route")


def _each_is_reached(routes: tuple[RouteConfig, ...]) -> tuple[RouteConfig, ...]:
    names = [route.name for route in routes]
    for at, route in enumerate(routes, 1):
        if names.count(route.name) > 1:
            raise ValueError(f"the name {route.name!r} is there twice: messages name their route")
        if route.when is None and at < len(routes):
            raise ValueError(
                f"the routes after {route.name!r} are never asked, as it has no `when`: "
                "put it last, or say when it applies"
            )
    return routes


#: Routes in order, of which the first that applies decides.
Routes = Annotated[tuple[RouteConfig, ...], AfterValidator(_each_is_reached)]


def route_mistakes(
    routes: Iterable[RouteConfig],
    *,
    teams: Teams,
    emails: Iterable[str],
    schedules: Collection[str],
    channels: Collection[str],
) -> Iterator[Located]:
    """Whom routes name and who is nobody, and channels that are not there, each at its place."""
    known = tuple(emails)
    for at, route in enumerate(routes):
        for place, whom, over in _named(route):
            for position, word in enumerate(whom):
                if why := not_known(word, teams=teams, emails=known, schedules=schedules):
                    yield (at, *place, "to", position), why
            for position, channel in enumerate(over):
                if channel != EMAIL and channel not in channels:
                    listed = ", ".join(dict.fromkeys((EMAIL, *sorted(channels))))
                    yield (at, *place, "by", position), f"there is no channel {channel} ({listed})"


def _named(route: RouteConfig) -> Iterator[tuple[tuple[str | int, ...], Whom, tuple[str, ...]]]:
    yield (), route.to, route.by
    for at, step in enumerate(route.escalate):
        yield ("escalate", at), step.to, step.by or ()
    if route.outcomes is not None:
        yield ("outcomes",), route.outcomes.to or (), route.outcomes.by or ()
