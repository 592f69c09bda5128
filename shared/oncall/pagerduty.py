"""Schedules in PagerDuty, by ``GET /oncalls`` of its REST API v2.

An on-call there is a user for a span of time (``start`` and ``end`` are null where it is always),
on one level of one escalation policy: the same span may come several times. The format is that of
https://developer.pagerduty.com/api-reference, "List all of the on-calls".
"""

from datetime import UTC, datetime
from typing import Final

import httpx
from pydantic import AwareDatetime, BaseModel, ValidationError

from shared.config.schedules import PagerDutySchedule
from shared.oncall.calendar import Shift
from shared.oncall.directory import Directory
from shared.oncall.known import AHEAD, Fetched, FetchError
from shared.oncall.web import body

_WHAT: Final = "PagerDuty"
_PAGE: Final = 100
_PAGES_MOST: Final = 50


class _User(BaseModel):
    summary: str | None = None
    name: str | None = None
    email: str | None = None

    @property
    def shown(self) -> str:
        return self.email or self.name or self.summary or "a user without a name"


class _OnCall(BaseModel):
    user: _User
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class _Page(BaseModel):
    oncalls: tuple[_OnCall, ...]
    more: bool = False


async def fetch(
    http: httpx.AsyncClient, config: PagerDutySchedule, people: Directory, *, now: datetime
) -> Fetched:
    """Who is on call from now on, for as long as is looked ahead.

    Raises:
        FetchError: PagerDuty does not say.
        SettingsError: the token is not where it should be.
    """
    entries = await _entries(http, config, now)
    known = [one for one in entries if people.knows(one.user.email or "")]
    strangers = dict.fromkeys(one.user.shown for one in entries if one not in known)
    return Fetched(tuple(dict.fromkeys(_shift(one, now) for one in known)), tuple(strangers))


async def _entries(
    http: httpx.AsyncClient, config: PagerDutySchedule, now: datetime
) -> list[_OnCall]:
    found: list[_OnCall] = []
    for number in range(_PAGES_MOST):
        page = await _page(http, config, now, offset=number * _PAGE)
        found += page.oncalls
        if not page.more:
            return found
    raise FetchError(f"{_WHAT} lists more than {_PAGE * _PAGES_MOST} on-calls of one schedule")


async def _page(
    http: httpx.AsyncClient, config: PagerDutySchedule, now: datetime, *, offset: int
) -> _Page:
    answer = await body(
        http,
        f"{str(config.url).rstrip('/')}/oncalls",
        what=_WHAT,
        headers={
            "Authorization": f"Token token={config.token.read().get_secret_value()}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        },
        params=[
            ("schedule_ids[]", config.schedule),
            ("include[]", "users"),
            ("time_zone", "UTC"),
            ("since", _written(now)),
            ("until", _written(now + AHEAD)),
            ("limit", str(_PAGE)),
            ("offset", str(offset)),
        ],
    )
    try:
        return _Page.model_validate_json(answer)
    except ValidationError as error:
        raise FetchError(f"{_WHAT} answers with something else than on-calls") from error


def _shift(one: _OnCall, now: datetime) -> Shift:
    return Shift((one.user.email or "").lower(), one.start or now, one.end)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
