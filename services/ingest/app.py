"""Ingest: webhooks in, tickets out."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import httpx
from fastapi import FastAPI
from pydantic import Field

from services.ingest import generic
from services.ingest.api import Source, webhooks
from services.ingest.counters import CountedHistory, Counters
from services.ingest.door import Door, door
from services.ingest.fetch import FETCH_TIMEOUT, fetched
from services.ingest.gate import Gate
from services.ingest.inside import inside
from services.ingest.limit import Bucket
from services.ingest.manual.api import by_hand
from services.ingest.manual.store import MongoRequests
from services.ingest.openapi import describe_webhooks
from services.ingest.quarantine.store import MongoQuarantine
from services.ingest.retention import Retention
from services.ingest.sns import Fetch
from services.ingest.sources import SOURCES
from services.ingest.webhook import Parse
from shared.config import Config, SourceConfig, load_config
from shared.errors import SettingsError
from shared.service import Service, compose
from shared.settings import ServiceSettings

#: The kind of source that does not post webhooks but asks for tickets.
API: Final = "api"


class Settings(ServiceSettings):
    """What ingest is told by its environment."""

    ingest_port: int = Field(8080, ge=1, le=65535)
    alerts_retention: Retention = timedelta(days=90)
    quarantine_retention: Retention = timedelta(days=30)


def build(settings: Settings) -> Service:
    """Compose the service; opens nothing.

    Raises:
        SettingsError: a source is not known, or its secret is not there.
        SourceError: handrail.yaml is wrong.
    """
    service = compose("ingest", settings, port=settings.ingest_port)
    config = load_config(settings.config)
    client = httpx.AsyncClient(timeout=FETCH_TIMEOUT.total_seconds(), follow_redirects=False)
    fetch = partial(fetched, client)
    sources = configured(config, fetch)
    service.close.append(client.aclose)
    counters, gate = Counters(service.registry), Gate()
    counters.watch(gate)
    parts = inside(
        service.database,
        service.bus.publish,
        config,
        now=exactly_now,
        retention=settings.alerts_retention,
        counted=partial(CountedHistory, counters=counters),
    )
    quarantine = MongoQuarantine(service.database, settings.quarantine_retention)
    service.api.include_router(
        webhooks(sources, parts.intake, quarantine, gate=gate, counters=counters, now=exactly_now)
    )
    requests = MongoRequests(service.database)
    doors = for_api(config, fetch)
    buckets = {name: Bucket(source.limit) for name, source in config.sources.items()}
    service.api.include_router(
        by_hand(
            doors,
            parts.intake,
            requests,
            persons={name: one.person for name, one in config.sources.items() if one.person},
            rule=parts.rules.as_asked_for,
            buckets=buckets,
            gate=gate,
            counters=counters,
            now=exactly_now,
        )
    )
    documented(service.api)
    service.prepare += [*parts.prepare, quarantine.prepare, requests.prepare]
    service.loops += parts.loops
    return service


def configured(config: Config, fetch: Fetch) -> dict[str, Source]:
    """The sources of handrail.yaml, ready to take webhooks.

    Raises:
        SettingsError: one is of a kind that is not known, or its secret is not there.
    """
    return {
        name: Source(
            name,
            parser(name, source),
            door(source, fetch),
            source.kind or name,
            source.map.headers if source.map is not None else frozenset(),
            Bucket(source.limit),
        )
        for name, source in config.sources.items()
        if (source.kind or name) != API
    }


def for_api(config: Config, fetch: Fetch) -> dict[str, Door]:
    """What people and programs have to show, by the sources of kind ``api``.

    Raises:
        SettingsError: one has no bearer token, or it is not there.
    """
    sources = {
        name: source for name, source in config.sources.items() if (source.kind or name) == API
    }
    for name, source in sources.items():
        if source.bearer is None:
            raise SettingsError(f"sources.{name}: a source of kind {API} needs `bearer`")
    for name, source in config.sources.items():
        if source.person and name not in sources:
            raise SettingsError(f"sources.{name}: only a source of kind {API} is of a `person`")
    return {name: door(source, fetch) for name, source in sources.items()}


def documented(api: FastAPI) -> None:
    """Show the OpenAPI document of all that is routed so far."""
    api.openapi_url, api.docs_url = "/openapi.json", "/docs"
    api.setup()
    describe_webhooks(api)


def parser(name: str, source: SourceConfig) -> Parse:
    """How the webhooks of a source are read.

    Raises:
        SettingsError: it is of a kind that is not known.
    """
    if source.map is not None:
        return partial(generic.parse, source.map)
    kind = source.kind or name
    if kind == "generic":
        raise SettingsError(f"sources.{name}: say `kind: generic` and describe it with `map`")
    if kind not in SOURCES:
        known = ", ".join(sorted({*SOURCES, "generic"}))
        raise SettingsError(
            f"sources.{name}: there is no kind {kind} of source (there are: {known})"
        )
    return SOURCES[kind]


def exactly_now() -> datetime:
    """As exactly as MongoDB keeps it: an event told again later has the same time."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
