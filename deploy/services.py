"""The services by name: where each one's code is, and how they run in this process."""

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Protocol, cast

from pydantic_settings import BaseSettings

from shared.errors import HandrailError, SettingsError
from shared.service import Service
from shared.settings import PREFIX, load_settings


@dataclass(frozen=True)
class Part:
    """One service: the module that builds it, and its usual port."""

    name: str
    module: str
    port: int

    @property
    def port_setting(self) -> str:
        return f"{PREFIX}{self.name.upper()}_PORT"


PARTS: Final = {
    part.name: part
    for part in (
        Part("ingest", "services.ingest.app", 8080),
        Part("triage", "services.triage.app", 8083),
        Part("planner", "services.planner.app", 8084),
        Part("executor", "services.executor.app", 8085),
        Part("notifier", "services.notifier.app", 8081),
        Part("verifier", "services.verifier.app", 8086),
        Part("console", "services.console.app", 8082),
    )
}

#: What has about half of the work: where there are cores for two processes, these run in another.
OTHER_HALF: Final = tuple(PARTS[name] for name in ("executor", "notifier", "verifier"))


class _App(Protocol):
    Settings: type[BaseSettings]
    build: Callable[[Any], Service]


def named(names: Iterable[str]) -> tuple[Part, ...]:
    """The parts of these names.

    Raises:
        SettingsError: there is no such service.
    """
    try:
        return tuple(PARTS[name] for name in dict.fromkeys(names))
    except KeyError as error:
        raise SettingsError(
            f"there is no service {error.args[0]} (there are: {', '.join(PARTS)})",
        ) from None


def loaded(parts: Iterable[Part]) -> list[ModuleType]:
    """Import the code of these parts, which takes a moment."""
    return [import_module(part.module) for part in parts]


def composed(part: Part) -> Service:
    """A service as its settings want it; opens nothing.

    Raises:
        SettingsError: a setting is missing or wrong.
        SourceError: a file that it needs is wrong.
    """
    app = cast("_App", import_module(part.module))
    return app.build(load_settings(app.Settings))


async def run_services(parts: Sequence[Part]) -> None:
    """Serve until cancelled; when one fails, all stop.

    Raises:
        HandrailError: the first failure: a wrong setting, a taken port.
    """
    services = [composed(part) for part in parts]
    with first_failure():
        async with asyncio.TaskGroup() as group:
            for service in services:
                group.create_task(service.run(), name=service.name)
            for service in services:
                await service.started.wait()
            _keep_for_good()


def _keep_for_good() -> None:
    """Have the garbage collector look no more at what a start leaves: code, models, clients.

    Looking at it all took half a second on a small machine, in the middle of the work.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def first_failure() -> Iterator[None]:
    """Raise the first of the failures that a task group reports, where Handrail can name it."""
    try:
        yield
    except* HandrailError as failed:
        raise _leaf(failed) from None


def _leaf(group: BaseExceptionGroup[Any]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
