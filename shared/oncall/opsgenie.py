"""Schedules in Opsgenie, by ``GET /v2/schedules/{id}/on-calls?flat=true``.

It says who is on call at a moment, by user names, which are addresses, and not until when: the
answer holds until there is another one. The format is that of
https://docs.opsgenie.com/docs/who-is-on-call-api.
"""

from datetime import datetime
from typing import Final
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, ValidationError

from shared.config.schedules import OpsgenieSchedule
from shared.oncall.calendar import Shift
from shared.oncall.directory import Directory
from shared.oncall.known import Fetched, FetchError
from shared.oncall.web import body

_WHAT: Final = "Opsgenie"


class _Data(BaseModel):
    recipients: tuple[str, ...] = Field((), alias="onCallRecipients")


class _Answer(BaseModel):
    data: _Data


async def fetch(
    http: httpx.AsyncClient, config: OpsgenieSchedule, people: Directory, *, now: datetime
) -> Fetched:
    """Who is on call now.

    Raises:
        FetchError: Opsgenie does not say.
        SettingsError: the key is not where it should be.
    """
    answer = await body(
        http,
        f"{str(config.url).rstrip('/')}/v2/schedules/{quote(config.schedule, safe='')}/on-calls",
        what=_WHAT,
        headers={"Authorization": f"GenieKey {config.key.read().get_secret_value()}"},
        params=[("scheduleIdentifierType", config.by), ("flat", "true")],
    )
    try:
        said = _Answer.model_validate_json(answer).data.recipients
    except ValidationError as error:
        raise FetchError(f"{_WHAT} answers with something else than who is on call") from error
    known = tuple(Shift(one.lower(), now) for one in said if people.knows(one))
    return Fetched(known, tuple(one for one in said if not people.knows(one)))
