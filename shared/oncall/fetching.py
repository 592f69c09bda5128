"""Asks whoever keeps a schedule who is on call."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx

from shared.config.schedules import ScheduleConfig
from shared.oncall import ical, opsgenie, pagerduty
from shared.oncall.directory import Directory
from shared.oncall.known import Fetched, FetchError
from shared.oncall.web import body
from shared.secrets import SecretRef

_ADDRESSES: Final = ("http://", "https://", "webcal://")


async def fetched(
    http: httpx.AsyncClient, config: ScheduleConfig, people: Directory, *, now: datetime
) -> Fetched:
    """Who is on call by a schedule that somebody else keeps.

    Raises:
        FetchError: they do not say.
        SettingsError: what they want to see is not where it should be.
    """
    if config.pagerduty is not None:
        return await pagerduty.fetch(http, config.pagerduty, people, now=now)
    if config.opsgenie is not None:
        return await opsgenie.fetch(http, config.opsgenie, people, now=now)
    if config.ical is None:
        raise FetchError("nobody else keeps this schedule")
    text = await _calendar(http, config.ical)
    # A big calendar takes seconds to unfold.
    return await asyncio.to_thread(ical.shifts, text, people, zone=config.zone, now=now)


def source(config: ScheduleConfig) -> str:
    """What tells one source of a schedule from another; nothing can be read from it."""
    said: Mapping[str, object] = config.model_dump(
        mode="json", include={"ical", "pagerduty", "opsgenie", "timezone"}
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


async def _calendar(http: httpx.AsyncClient, where: str | SecretRef) -> bytes:
    address = where if isinstance(where, str) else where.read().get_secret_value()
    if not address.startswith(_ADDRESSES):
        return await asyncio.to_thread(ical.read_file, Path(address))
    # What calendars call the address of one that others may follow.
    address = address.replace("webcal://", "https://", 1)
    return await body(http, address, what="the calendar")
