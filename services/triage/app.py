"""Triage: new tickets in, verdicts out."""

from pydantic import Field

from services.triage.handlers import router
from services.triage.store import MongoTickets
from shared.service import Service, compose
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """What triage is told by its environment."""

    triage_port: int = Field(8083, ge=1, le=65535)


def build(settings: Settings) -> Service:
    """Compose the service; opens nothing."""
    service = compose("triage", settings, port=settings.triage_port)
    service.attach(router, tickets=MongoTickets(service.database))
    return service
