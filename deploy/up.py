"""``handrail up``: the local stack and every service, until somebody says stop."""

import asyncio
import io
import logging
import os
import sys
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Self

from deploy.home import Home
from deploy.ports import LOCALHOST, free_port
from deploy.readiness import ready, until_ready
from deploy.runfile import Run, RunningService, announced, only_one
from deploy.services import (
    OTHER_HALF,
    PARTS,
    Part,
    composed,
    first_failure,
    loaded,
    run_services,
)
from deploy.stack import Stack, planned
from deploy.supervisor import (
    Child,
    ChildFailedError,
    opened_log,
    started_together,
    stopped_together,
)
from shared.telemetry import configure_logs

Urls = Mapping[str, str]
Pids = dict[str, int | None]

_ANYWHERE = {"0.0.0.0": LOCALHOST, "::": "::1"}  # noqa: S104 not listened on here


class Spread(Enum):
    """Whether the services share this process, or it and another one, or have one each."""

    TOGETHER = "together"
    HALVES = "halves"
    PROCESSES = "processes"

    @classmethod
    def usual(cls) -> Self:
        """As many processes as share the work of this machine's cores well."""
        return cls(cls.HALVES if (os.cpu_count() or 1) > 1 else cls.TOGETHER)


@dataclass(frozen=True)
class Running:
    """What runs, once all of it is ready."""

    home: Home
    run: Run


async def up(spread: Spread, *, log_to_stderr: bool, tell: Callable[[Running], None]) -> None:
    """Start everything, say so when it is ready, and keep it running until cancelled.

    Raises:
        HandrailError: see ``running``.
    """
    async with running(spread, log_to_stderr=log_to_stderr) as ready_now:
        tell(ready_now)
        await asyncio.Event().wait()


@asynccontextmanager
async def running(spread: Spread, *, log_to_stderr: bool) -> AsyncIterator[Running]:
    """Everything, ready, for as long as the context is open; services stop before servers.

    What it finds out (ports, URLs, the secret) is put into this process' environment.

    Raises:
        AlreadyRunningError: in this home it is running already.
        HandrailError: something could not be started; nothing is left running.
    """
    home = Home.of(os.environ)
    home.make()
    with only_one(home.path), _logs(home, log_to_stderr=log_to_stderr):
        settle(home, os.environ)
        stack = planned(home.path, os.environ)
        os.environ.update(stack.environment())
        urls = choose_ports(os.environ, remembered=home.ports())
        home.remember_ports({name: os.environ[PARTS[name].port_setting] for name in urls})
        output = None if log_to_stderr else home.logs
        async with _RUNNERS[spread](stack, urls, output) as pids:
            run = _run(stack, urls, pids)
            with announced(home.path, run):
                yield Running(home, run)


def settle(home: Home, environment: MutableMapping[str, str]) -> None:
    """Fill in what an installation needs and nobody has set; makes its secret and its config."""
    environment["HANDRAIL_HOME"] = str(home.path)
    if not environment.get("HANDRAIL_SECRET_KEY"):
        environment["HANDRAIL_SECRET_KEY"] = home.secret_key()
    config = home.config(environment) or home.write_starter_config()
    environment["HANDRAIL_CONFIG"] = str(config)


def choose_ports(
    environment: MutableMapping[str, str], *, remembered: Mapping[str, int] = MappingProxyType({})
) -> dict[str, str]:
    """Give each service a port, another one where the usual one is taken; their URLs by name.

    What it had the last time (``remembered``) goes first: links that were sent go on leading here.
    """
    host = environment.get("HANDRAIL_HOST") or LOCALHOST
    urls: dict[str, str] = {}
    chosen: set[int] = set()
    for part in PARTS.values():
        port = environment.get(part.port_setting)
        if not port:
            wanted = remembered.get(part.name, part.port)
            port = str(free_port(wanted, host=host, beside=chosen))
            chosen.add(int(port))
            environment[part.port_setting] = port
        urls[part.name] = f"http://{_reached(host)}:{port}"
    if not environment.get("HANDRAIL_PUBLIC_URL"):
        environment["HANDRAIL_PUBLIC_URL"] = urls["notifier"]
    return urls


@asynccontextmanager
async def _together(stack: Stack, urls: Urls, _logs: Path | None) -> AsyncIterator[Pids]:
    parts = tuple(PARTS.values())
    async with _started(stack, parts), _served(parts, urls):
        yield dict.fromkeys(urls, os.getpid())


@asynccontextmanager
async def _halves(stack: Stack, urls: Urls, logs: Path | None) -> AsyncIterator[Pids]:
    """The other half loads its code while the servers start, and waits for them by itself."""
    ours = tuple(part for part in PARTS.values() if part not in OTHER_HALF)
    child = _service_process("handrail-2", OTHER_HALF, logs and logs / "handrail-2.log", urls)
    starting = asyncio.create_task(child.start())
    try:
        async with _started(stack, ours):
            try:
                async with _served(ours, urls):
                    await _other_half(starting)
                    pids: Pids = dict.fromkeys(urls, os.getpid())
                    yield pids | {part.name: child.pid for part in OTHER_HALF}
            finally:
                await _stopped(starting, child)
    finally:
        # Where the servers did not start, too.
        await _stopped(starting, child)


async def _other_half(starting: asyncio.Task[None]) -> None:
    """Wait for the services of the other process.

    Raises:
        HandrailError: what is wrong with a setting of one of them, or what it said when it ended.
    """
    try:
        await starting
    except ChildFailedError:
        for part in OTHER_HALF:
            composed(part)
        raise


async def _stopped(starting: asyncio.Task[None], child: Child) -> None:
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await child.stop()


@asynccontextmanager
async def _processes(stack: Stack, urls: Urls, logs: Path | None) -> AsyncIterator[Pids]:
    children = [
        _service_process(part.name, (part,), logs and logs / f"{part.name}.log", urls)
        for part in PARTS.values()
    ]
    async with stack.started():
        try:
            await started_together(children)
            yield {child.name: child.pid for child in children}
        finally:
            await stopped_together(children)


_RUNNERS = {
    Spread.TOGETHER: _together,
    Spread.HALVES: _halves,
    Spread.PROCESSES: _processes,
}


@asynccontextmanager
async def _started(stack: Stack, parts: Sequence[Part]) -> AsyncIterator[None]:
    """The servers; while they start, the services' code is loaded."""
    with first_failure():
        async with AsyncExitStack() as exits:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.to_thread(loaded, parts))
                await exits.enter_async_context(stack.started())
            yield


@asynccontextmanager
async def _served(parts: Sequence[Part], urls: Urls) -> AsyncIterator[None]:
    """The services in this process, once they are ready."""
    with first_failure():
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(run_services(parts))
            await until_ready({part.name: urls[part.name] for part in parts})
            try:
                yield
            finally:
                serving.cancel()


def _service_process(name: str, parts: Sequence[Part], output: Path | None, urls: Urls) -> Child:
    names = [part.name for part in parts]

    async def are_ready() -> bool:
        return all(await asyncio.gather(*(ready(urls[name]) for name in names)))

    command = (sys.executable, "-m", "deploy.cli", "serve", *names)
    return Child(name, command, output=output, ready=are_ready)


@contextmanager
def _logs(home: Home, *, log_to_stderr: bool) -> Iterator[None]:
    if log_to_stderr:
        configure_logs()
        yield
        return
    with opened_log(home.logs / "handrail.log") as output:
        configure_logs(stream=io.TextIOWrapper(output, encoding="utf-8", line_buffering=True))
        try:
            yield
        finally:
            # What the interpreter still logs on its way out has nowhere to go.
            logging.getLogger().handlers = [logging.NullHandler()]


def _run(stack: Stack, urls: Mapping[str, str], pids: Mapping[str, int | None]) -> Run:
    return Run(
        pid=os.getpid(),
        started_at=datetime.now(UTC),
        nats_url=stack.nats_url,
        mongo_url=stack.mongo_url,
        public_url=os.environ["HANDRAIL_PUBLIC_URL"],
        config=Path(os.environ["HANDRAIL_CONFIG"]),
        services={
            name: RunningService(url=url, port=int(url.rpartition(":")[2]), pid=pids[name])
            for name, url in urls.items()
        },
        servers={child.name: child.pid for child in stack.children},
    )


def _reached(host: str) -> str:
    address = _ANYWHERE.get(host, host)
    return f"[{address}]" if ":" in address else address
