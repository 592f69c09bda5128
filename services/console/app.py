"""The console: the durable recorder of every ticket's timeline, and the REST API."""

import asyncio
from typing import Annotated

from fastapi import FastAPI
from pydantic import Field, SecretStr

from services.console.api.mounted import mount
from services.console.handlers import router
from services.console.recording import Recorder
from services.console.store import MongoTimelines
from shared.service import Service, compose
from shared.settings import SECRET_KEY_LENGTH, ServiceSettings

_Key = Annotated[SecretStr, Field(min_length=SECRET_KEY_LENGTH)]


class Settings(ServiceSettings):
    """What the console is told by its environment.

    Without ``secret_key`` it keeps no credentials; everything else works.
    """

    console_port: int = Field(8082, ge=1, le=65535)
    secret_key: _Key | None = None
    secret_key_previous: _Key | None = None


def build(settings: Settings) -> Service:
    """Compose the service; opens nothing."""
    service = compose("console", settings, port=settings.console_port)
    timelines = MongoTimelines(service.database)
    service.attach(router, recorder=Recorder(timelines))
    service.prepare.append(timelines.prepare)

    async def api() -> FastAPI:
        made = await asyncio.to_thread(_api, settings, service)
        await _prepared(service)
        return made

    mount(service.api, api)
    return service


def _api(settings: Settings, service: Service) -> FastAPI:
    from services.console.api.building import Place, built  # noqa: PLC0415 see api.mounted

    return built(
        Place(
            config=settings.config,
            home=settings.home,
            secret_key=settings.secret_key,
            secret_key_previous=settings.secret_key_previous,
            database=service.database,
        )
    )


async def _prepared(service: Service) -> None:
    from services.console.api.building import prepare  # noqa: PLC0415 see api.mounted

    await prepare(service.database)
