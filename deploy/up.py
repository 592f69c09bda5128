"""``handrail up``: the local stack and every service, until somebody says stop."""

import asyncio
import io
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import MappingProxyType

from deploy.home import Home
from deploy.ports import LOCALHOST, free_port
from deploy.readiness import ready, until_ready
from deploy.runfile import Run, RunningService, announced, only_one
from deploy.services import PARTS, Part, first_failure, loaded, run_services
from deploy.stack import Stack, local_stack
from deploy.supervisor import Child, opened_log, started_together, stopped_together
from shared.telemetry import configure_logs

_ANYWHERE = {"0.0.0.0": LOCALHOST, "::": "::1"}  # noqa: S104 not listened on here


class Spread(Enum):
    """Whether the services share this process or have one each."""

    TOGETHER = "together"
    PROCESSES = "processes"


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
        async with AsyncExitStack() as exits:
            stack = await _servers(exits, home)
            os.environ.update(stack.environment())
            urls = choose_ports(os.environ, remembered=home.ports())
            home.remember_ports({name: os.environ[PARTS[name].port_setting] for name in urls})
            pids = await exits.enter_async_context(_RUNNERS[spread](home, urls))
            run = _run(stack, urls, pids)
            exits.enter_context(announced(home.path, run))
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


async def _servers(exits: AsyncExitStack, home: Home) -> Stack:
    """The servers; while they start, the services' code is loaded."""
    with first_failure():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(loaded, PARTS.values()))
            return await exits.enter_async_context(local_stack(home.path, os.environ))


@asynccontextmanager
async def _together(_home: Home, urls: Mapping[str, str]) -> AsyncIterator[dict[str, int | None]]:
    with first_failure():
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(run_services(tuple(PARTS.values())))
            await until_ready(urls)
            try:
                yield dict.fromkeys(urls, os.getpid())
            finally:
                serving.cancel()


@asynccontextmanager
async def _processes(home: Home, urls: Mapping[str, str]) -> AsyncIterator[dict[str, int | None]]:
    children = [_service_process(part, home.logs, urls[part.name]) for part in PARTS.values()]
    try:
        await started_together(children)
        yield {child.name: child.pid for child in children}
    finally:
        await stopped_together(children)


_RUNNERS = {Spread.TOGETHER: _together, Spread.PROCESSES: _processes}


def _service_process(part: Part, logs: Path, url: str) -> Child:
    return Child(
        part.name,
        (sys.executable, "-m", "deploy.cli", "serve", part.name),
        output=logs / f"{part.name}.log",
        ready=lambda: ready(url),
    )


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
