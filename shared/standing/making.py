"""New words, checked: what may be said in advance, for how long, and of whom."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.durations import spoken
from shared.errors import HandrailError
from shared.events import Delegation, Window
from shared.lifecycle import Risk

#: Nobody is away for longer without saying so again.
DELEGATION_MOST: Final = timedelta(days=60)
#: What was allowed yesterday has to be thought about again.
WINDOW_MOST: Final = timedelta(hours=24)


class UnfitWordError(HandrailError):
    """This cannot be said in advance; says what can."""


@dataclass(frozen=True)
class Speaker:
    """Who says it, over which channel, and when, under which id."""

    id: UUID
    by: str
    channel: str
    at: datetime


def delegation(
    speaker: Speaker,
    *,
    of: str,
    to: str,
    until: datetime,
    people: Collection[str],
    reason: str = "",
) -> Delegation:
    """That ``to`` may answer for ``of``; not signed yet. ``people`` are all addresses there are.

    Raises:
        UnfitWordError: they are nobody, or one and the same, or it is too long.
    """
    known = {each.casefold() for each in people}
    for person in (of, to):
        if person.casefold() not in known:
            raise UnfitWordError(f"there is no {person} under `people` in handrail.yaml")
    if of.casefold() == to.casefold():
        raise UnfitWordError(f"{to} answers for themselves anyhow: name somebody else")
    return Delegation(
        of=of.casefold(),
        to=to.casefold(),
        until=_end(speaker.at, until, DELEGATION_MOST),
        reason=reason,
        id=speaker.id,
        by=speaker.by,
        channel=speaker.channel,
        since=speaker.at,
    )


def window(
    speaker: Speaker,
    runbook: str,
    seal: str,
    *,
    risk: Risk,
    until: datetime,
    target: str | None = None,
    times: int | None = None,
    reason: str = "",
) -> Window:
    """A yes in advance to the text of a runbook that has this seal; not signed yet.

    Raises:
        UnfitWordError: it would be for what may never be allowed so, or for too long.
    """
    if risk is Risk.CRITICAL:
        raise UnfitWordError("what is of critical risk is asked for each time: say high, or less")
    if times is not None and times < 1:
        raise UnfitWordError("it has to be for one step at least")
    return Window(
        runbook=runbook,
        version=seal,
        risk=risk,
        target=target,
        times=times,
        until=_end(speaker.at, until, WINDOW_MOST),
        reason=reason,
        id=speaker.id,
        by=speaker.by,
        channel=speaker.channel,
        since=speaker.at,
    )


def _end(at: datetime, until: datetime, most: timedelta) -> datetime:
    if until <= at:
        raise UnfitWordError("it would be over already: name a time to come")
    if until - at > most:
        raise UnfitWordError(f"that is too long: at most {spoken(most)} from now on")
    return until
