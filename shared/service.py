"""A running service: bus, store, HTTP side and loops, started and stopped as one."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
import uvicorn
from fastapi import FastAPI, Response
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from shared.bus import Bus, Router
from shared.errors import SettingsError, UnavailableError
from shared.httptrace import HttpTrace
from shared.settings import ServiceSettings
from shared.store import Client, Database, answers, connect, database
from shared.telemetry import tracer_provider

log = structlog.get_logger(__name__)

_BACKLOG: Final = 2048
# Longer than senders keep an idle connection (Go: 90 s): who closes first must not be the server,
# or a request that is just under way is lost with it.
_KEEP_ALIVE_SECONDS: Final = 120

Loop = Callable[[], Awaitable[None]]
Prepare = Callable[[], Awaitable[None]]


@dataclass
class Service:
    """One of the independent services, composed but not yet started.

    ``loops`` run beside the handlers as long as the service does; one that raises stops the
    service. ``prepare`` makes indexes and migrations; several replicas may run it at once.
    """

    name: str
    settings: ServiceSettings
    port: int
    bus: Bus
    client: Client
    database: Database
    registry: CollectorRegistry
    tracer_provider: TracerProvider
    api: FastAPI
    loops: list[Loop] = field(default_factory=list)
    prepare: list[Prepare] = field(default_factory=list)
    close: list[Prepare] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def attach(self, router: Router, **dependencies: Any) -> None:
        """Take in what the router declares."""
        self.bus.attach(router, dependencies)

    async def ready(self) -> Mapping[str, bool]:
        """What the service needs, and whether it has it."""
        return {
            "started": self.started.is_set(),
            "nats": self.bus.connected,
            "mongodb": await answers(self.database),
        }

    async def run(self) -> None:
        """Serve until cancelled; cancellation stops in order and loses nothing.

        Raises:
            SettingsError: the port is taken.
            ExceptionGroup: what a loop raised; everything is closed by then.
        """
        listening = _listen(self.settings.host, self.port)
        server = _Server(
            uvicorn.Config(
                self.api,
                log_config=None,
                access_log=False,
                lifespan="off",
                backlog=_BACKLOG,
                timeout_graceful_shutdown=5,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                server_header=False,
            ),
        )
        # Alive at once, ready later: an orchestrator must not kill one that waits for a server.
        # It is asked to end, never cancelled, so that requests under way are still answered.
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            async with asyncio.TaskGroup() as group:
                await self._start()
                for loop in self.loops:
                    group.create_task(_run(loop))
                self.started.set()
                log.info("service.started", service=self.name, port=self.port)
                await asyncio.shield(serving)
        finally:
            self.started.clear()
            server.should_exit = True
            await asyncio.shield(asyncio.gather(serving, return_exceptions=True))
            listening.close()
            await asyncio.shield(self._stop())

    async def _start(self) -> None:
        for prepare in self.prepare:
            await _until_available(prepare)
        await _until_available(self.bus.connect)
        await self.bus.start()

    async def _stop(self) -> None:
        """Close everything, also when closing one thing fails."""
        async with AsyncExitStack() as exits:
            # The last spans are sent at the end, by a thread since that may take seconds.
            exits.push_async_callback(asyncio.to_thread, self.tracer_provider.shutdown)
            exits.callback(self.client.close)
            for close in reversed(self.close):
                exits.push_async_callback(close)
            exits.push_async_callback(self.bus.stop)
        log.info("service.stopped", service=self.name)


def compose(name: str, settings: ServiceSettings, *, port: int) -> Service:
    """The parts that every service has; opens nothing."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    provider = tracer_provider(name)
    client = connect(str(settings.mongo_url))
    service = Service(
        name=name,
        settings=settings,
        port=port,
        bus=Bus(
            name,
            url=str(settings.nats_url),
            replicas=settings.nats_replicas,
            tracer_provider=provider,
            registry=registry,
        ),
        client=client,
        database=database(client, settings.mongo_database),
        registry=registry,
        tracer_provider=provider,
        api=FastAPI(title=f"Handrail {name}", docs_url=None, redoc_url=None, openapi_url=None),
    )
    _add_probes(service)
    service.api.add_middleware(HttpTrace, tracer_provider=provider, registry=registry)
    return service


def _add_probes(service: Service) -> None:
    @service.api.get("/healthz", include_in_schema=False)
    async def alive() -> dict[str, str]:
        return {"status": "alive", "service": service.name}

    @service.api.get("/readyz", include_in_schema=False)
    async def ready(response: Response) -> Mapping[str, bool]:
        checks = await service.ready()
        response.status_code = 200 if all(checks.values()) else 503
        return checks

    @service.api.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(service.registry), media_type=CONTENT_TYPE_LATEST)


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: the process has several servers and one way to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SettingsError(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    return listening


async def _run(loop: Loop) -> None:
    await loop()


async def _until_available(start: Prepare) -> None:
    """Start something whose server may come up later than this service."""
    waited = False
    while True:
        try:
            await start()
        except UnavailableError as error:
            if not waited:
                log.warning("service.waiting", reason=str(error))
            waited = True
            await asyncio.sleep(1)
        else:
            return
