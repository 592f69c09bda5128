"""What is due of a question by its route: a pure answer over (route, question, what is done, now).

``stages`` is the whole plan of whom is told when; ``due`` is what of it has to be done now. Quiet
hours, digests and expiry are in the times; who the people are is not: that is for the moment itself
to say.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from shared.config.routes import RouteConfig, Whom
from shared.durations import spoken
from shared.lifecycle import Risk, Severity
from shared.oncall.weekly import WeeklyHours

#: Whoever is told at last still has so long to answer, or half of all the time there is.
LEFT: Final = timedelta(minutes=15)
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """Why somebody is told."""

    ASK = "ask"
    ESCALATE = "escalate"
    REMIND = "remind"


@dataclass(frozen=True)
class Question:
    """What matters of a question: how bad it is, how dangerous, since when and until when."""

    severity: Severity
    risk: Risk | None
    asked_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Stage:
    """Somebody who is told at a time; ``key`` names it for ever.

    ``to`` are words for people, everybody who may answer where it is empty; ``over`` are channels.
    Reminders go to those who were told before too.
    """

    key: str
    kind: Kind
    at: datetime
    to: Whom
    over: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Due:
    """What has to be done now, what is over without being done, and when to look again."""

    stages: tuple[Stage, ...]
    skipped: tuple[str, ...]
    next_at: datetime | None


def due(
    route: RouteConfig,
    question: Question,
    done: Collection[str],
    now: datetime,
    *,
    unreached: bool = False,
) -> Due:
    """What is due; ``done`` are the keys of stages that were.

    Of several reminders that are due at once, as after an outage, the last is sent. Where those who
    were told are ``unreached``, nobody waits for them: who comes next is told at once, though not
    in quiet hours. When a question has expired nothing is due.
    """
    left = [stage for stage in stages(route, question) if stage.key not in done]
    if now >= question.expires_at:
        return Due((), (), None)
    if unreached:
        left = list(_next_at_once(left, after_quiet(route, question.severity, now)))
    reached = [stage for stage in left if stage.at <= now]
    reminders = [stage for stage in reached if stage.kind is Kind.REMIND]
    # Whoever is told for the first time needs no reminder of it.
    first = any(stage.kind is Kind.ASK for stage in reached)
    skipped = reminders if first else reminders[:-1]
    return Due(
        stages=tuple(stage for stage in reached if stage not in skipped),
        skipped=tuple(stage.key for stage in skipped),
        next_at=min((stage.at for stage in left if stage.at > now), default=None),
    )


def others_left(route: RouteConfig, question: Question, done: Collection[str]) -> bool:
    """Whether somebody else is still told of it by the route."""
    left = (stage for stage in stages(route, question) if stage.key not in done)
    return any(stage.kind is not Kind.REMIND for stage in left)


def _next_at_once(left: Iterable[Stage], at: datetime) -> Iterator[Stage]:
    moved = False
    for stage in left:
        if stage.kind is Kind.REMIND or moved:
            yield stage
        else:
            moved = True
            yield replace(stage, at=min(stage.at, at), why="whoever was told before is not reached")


def stages(route: RouteConfig, question: Question) -> tuple[Stage, ...]:
    """Everything that a route does about a question that nobody answers, in the order of time."""
    at, why = released(route, question)
    first = Stage(Kind.ASK.value, Kind.ASK, at, route.to, route.by, why)
    later = [*_escalations(route, at), *_reminders(route, at)]
    waiting = [replace(one, at=after_quiet(route, question.severity, one.at)) for one in later]
    in_time = [one for one in waiting if one.at < question.expires_at]
    return tuple(sorted((first, *_each_moment_once(in_time)), key=lambda one: one.at))


def released(route: RouteConfig, question: Question) -> tuple[datetime, str]:
    """When a question is first asked, and why not at once, if so.

    It waits for quiet hours to end and to be gathered with others, as long as that leaves people
    time to answer.
    """
    gathered = _gathered(route, question)
    waits = [
        (after_quiet(route, question.severity, gathered), "held over the quiet hours"),
        (gathered, f"gathered with others for {_within(route, question)}"),
    ]
    left = min(LEFT, (question.expires_at - question.asked_at) / 2)
    for at, why in waits:
        if at > question.asked_at and question.expires_at - at >= left:
            return at, why
    if waits[0][0] > question.asked_at:
        return question.asked_at, "at once, as it would expire before"
    return question.asked_at, "at once"


def digest_key(route: RouteConfig, question: Question) -> str | None:
    """What names the mail in which a question comes with others; None where it comes alone."""
    at, _ = released(route, question)
    if at == question.asked_at or route.gathered_for(question.risk) is None:
        return None
    return f"{route.name}/{at.astimezone(UTC).isoformat()}"


def _gathered(route: RouteConfig, question: Question) -> datetime:
    """The end of the span that a question falls into; spans are the same on every replica."""
    within = route.gathered_for(question.risk)
    if within is None:
        return question.asked_at
    return _START + ((question.asked_at - _START) // within + 1) * within


def _within(route: RouteConfig, question: Question) -> str:
    return spoken(route.gathered_for(question.risk) or timedelta(0))


def after_quiet(route: RouteConfig, severity: Severity, at: datetime) -> datetime:
    """When people may be told of something of this severity; ``at`` where that is not quiet."""
    hours = route.quiet_for(severity)
    if not hours:
        return at
    return WeeklyHours(hours, ZoneInfo(route.timezone)).ends_after(at)


def _escalations(route: RouteConfig, at: datetime) -> Iterator[Stage]:
    for number, step in enumerate(route.escalate, 1):
        why = f"nobody has answered for {spoken(step.after)}"
        over = step.by or route.by
        key = f"{Kind.ESCALATE}-{number}"
        yield Stage(key, Kind.ESCALATE, at + step.after, step.to, over, why)


def _reminders(route: RouteConfig, at: datetime) -> Iterator[Stage]:
    if route.remind is None:
        return
    for number in range(1, route.remind.most + 1):
        why = f"reminder {number} of {route.remind.most}"
        when = at + number * route.remind.every
        yield Stage(f"{Kind.REMIND}-{number}", Kind.REMIND, when, route.to, route.by, why)


def _each_moment_once(later: Iterable[Stage]) -> Iterator[Stage]:
    """Without reminders that quiet hours have moved to where there is another one."""
    reminded: set[datetime] = set()
    for stage in later:
        if stage.kind is not Kind.REMIND or stage.at not in reminded:
            yield stage
        if stage.kind is Kind.REMIND:
            reminded.add(stage.at)
