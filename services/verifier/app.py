"""The verifier: ended sessions in, resolved or escalated tickets out."""

from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from pydantic import Field

from services.verifier.byhand.store import MongoEndings
from services.verifier.handlers import router
from services.verifier.looks import Looks
from services.verifier.looks.command import CommandLook
from services.verifier.looks.http import HttpLook
from services.verifier.looks.prometheus import PrometheusLook
from services.verifier.looks.sql import SqlLook
from services.verifier.store import MongoTickets
from services.verifier.verification import Verification
from shared.config import Config, load_config
from shared.connectors.reach import reach
from shared.credentials.settings import CredentialSettings
from shared.prometheus import Server
from shared.service import Service, compose
from shared.settings import SigningSettings
from shared.signing import Signer

ANSWER_TIMEOUT: Final = timedelta(seconds=10)


class Settings(SigningSettings, CredentialSettings):
    """What the verifier is told by its environment."""

    verifier_port: int = Field(8086, ge=1, le=65535)


def build(settings: Settings) -> Service:
    """Compose the service; opens nothing.

    Raises:
        SettingsError: a credential is not there.
        SourceError: handrail.yaml is wrong.
    """
    service = compose("verifier", settings, port=settings.verifier_port)
    config = load_config(settings.config)
    hands = reach(config, settings, settings.home, service.database, by="verifier")
    client = httpx.AsyncClient(timeout=ANSWER_TIMEOUT.total_seconds(), follow_redirects=False)
    looks = Looks(
        HttpLook(client),
        CommandLook(hands.connectors),
        PrometheusLook(client, _servers(config)),
        SqlLook(hands.connectors),
    )
    service.attach(
        router,
        tickets=MongoTickets(service.database),
        endings=MongoEndings(service.database),
        signer=Signer(settings.secret_key),
        verification=Verification(looks, hands.mask, _now),
        now=_now,
    )
    hands.keep(service)
    service.close.append(client.aclose)
    return service


def _servers(config: Config) -> dict[str, Server]:
    return {
        name: Server(str(server.url), server.bearer.read() if server.bearer else None)
        for name, server in config.prometheus.items()
    }


def _now() -> datetime:
    return datetime.now(UTC)
