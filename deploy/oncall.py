"""Who is on call, as this installation knows it, or as it is asked now where nothing runs."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.connection import Place
from deploy.library import store_if_running
from shared.config import Config, load_config
from shared.config.schedules import ScheduleConfig
from shared.errors import SettingsError
from shared.oncall.built import calendars
from shared.oncall.calendar import Shift
from shared.oncall.directory import Directory
from shared.oncall.fetching import fetched
from shared.oncall.keeping import Rosters
from shared.oncall.known import FetchError
from shared.oncall.roster import Roster, Standing
from shared.oncall.store import MongoShifts
from shared.oncall.web import client


@dataclass(frozen=True)
class _Asked:
    shifts: Sequence[Shift]
    standing: Standing


async def here(environment: Mapping[str, str] = os.environ) -> tuple[Config, Roster]:
    """The configuration of this installation, and who is on call by it.

    Raises:
        SourceError: ``handrail.yaml`` is wrong.
    """
    place = Place.of(environment)
    config = load_config(place.home.config(environment))
    async with store_if_running(place) as db:
        if db is not None:
            return config, await Rosters(config.schedules, MongoShifts(db)).roster()
    return config, await asked_now(config)


async def asked_now(config: Config) -> Roster:
    """Who is on call, where those who keep schedules are asked for it now."""
    people, now = Directory.of(config.people), datetime.now(UTC)
    outside = [name for name, one in config.schedules.items() if one.is_outside]
    found = await asyncio.gather(*(_asked(config.schedules[name], people, now) for name in outside))
    known = dict(zip(outside, found, strict=True))
    shifts = {name: one.shifts for name, one in known.items()}
    standing = {name: one.standing for name, one in known.items()}
    return Roster(calendars(config.schedules, shifts), standing)


async def _asked(config: ScheduleConfig, people: Directory, now: datetime) -> _Asked:
    async with client() as http:
        try:
            told = await fetched(http, config, people, now=now)
        except (FetchError, SettingsError) as error:
            return _Asked((), Standing(error=str(error)))
    return _Asked(told.shifts, Standing(now, strangers=told.strangers))
