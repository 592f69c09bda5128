"""A service of the smallest kind, for tests of what runs services."""

from pydantic import Field

from shared.errors import SettingsError
from shared.service import Service, compose
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """What a lamp is told."""

    lamp_port: int = Field(ge=1, le=65535)
    lamp_breaks: bool = False


def build(settings: Settings) -> Service:
    """A lamp, which breaks once it is on where it is told to."""
    service = compose("lamp", settings, port=settings.lamp_port)

    async def breaks() -> None:
        raise SettingsError("HANDRAIL_LAMP_BREAKS: is set")

    if settings.lamp_breaks:
        service.loops.append(breaks)
    return service
