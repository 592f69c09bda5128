"""The console: the durable recorder of every ticket's timeline."""

from pydantic import Field

from services.console.handlers import router
from services.console.store import MongoTimelines
from shared.service import Service, compose
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the console is told by its environment."""

    console_port: int = Field(8082, ge=1, le=65535)


def build(settings: Settings) -> Service:
    """Compose the service; opens nothing."""
    service = compose("console", settings, port=settings.console_port)
    timelines = MongoTimelines(service.database)
    service.attach(router, timelines=timelines)
    service.prepare.append(timelines.prepare)
    return service
