"""Triage: new tickets in, verdicts out."""

from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from pydantic import Field

from services.triage.gathering import Gatherer
from services.triage.handlers import router
from services.triage.looks import Looks
from services.triage.looks.command import CommandLooks
from services.triage.looks.http import HttpLooks
from services.triage.looks.prometheus import PrometheusLooks
from services.triage.store import MongoTickets
from shared.config import Config, load_config
from shared.config.evidence import PrometheusLook
from shared.connectors.reach import reach
from shared.credentials.settings import CredentialSettings
from shared.prometheus import Server
from shared.service import Service, compose
from shared.settings import ServiceSettings

# Each look has its own limit, which is shorter.
_ANSWER_TIMEOUT: Final = timedelta(seconds=30)


class Settings(ServiceSettings, CredentialSettings):
    """What triage is told by its environment."""

    triage_port: int = Field(8083, ge=1, le=65535)


def build(settings: Settings) -> Service:
    """Compose the service; opens nothing.

    Raises:
        SettingsError: a credential for evidence is not there.
        SourceError: handrail.yaml is wrong.
    """
    service = compose("triage", settings, port=settings.triage_port)
    config = load_config(settings.config)
    hands = reach(config, settings, settings.home, service.database, by="triage")
    client = httpx.AsyncClient(timeout=_ANSWER_TIMEOUT.total_seconds(), follow_redirects=False)
    mask = hands.mask
    looks = Looks(
        PrometheusLooks(client, _servers(config), mask),
        CommandLooks(hands.connectors, mask),
        HttpLooks(client, mask),
    )
    gatherer = Gatherer(config.evidence, looks, mask, lambda: datetime.now(UTC), service.registry)
    service.attach(router, tickets=MongoTickets(service.database), gatherer=gatherer)
    hands.keep(service)
    service.close.append(client.aclose)
    return service


def _servers(config: Config) -> dict[str, Server]:
    """The servers, where one of them is asked at all."""
    if not any(isinstance(look, PrometheusLook) for look in config.evidence.looks):
        return {}
    return {
        name: Server(str(server.url), server.bearer.read() if server.bearer else None)
        for name, server in config.prometheus.items()
    }
