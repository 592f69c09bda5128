"""Real servers for the tests: a NATS server and a mongod, on free ports, one pair a test run."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.ports import RANGE
from deploy.servers import mongo_program, nats_program
from deploy.stack import Stack, local_stack
from shared.errors import SettingsError
from shared.store import Client, Database, connect
from tests.programs import absent

_PORTS = range(20_000, 32_000)
_LONG = tuple(Path(__file__).parent / part for part in ("flows", "ingest/crash", "deploy"))


def pytest_configure() -> None:
    """Give each of several workers ports of its own: they look for free ones at the same time."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker:
        share = len(_PORTS) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        first = _PORTS[0] + int(worker) * share
        os.environ[RANGE] = f"{first}-{first + share - 1}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no worker begins one when the others have nothing left."""
    items.sort(key=lambda item: not any(map(item.path.is_relative_to, _LONG)))


@pytest.fixture(scope="session", autouse=True)
def recorded_spans() -> Iterator[None]:
    """Spans are recorded although they are exported nowhere: tests look at them."""
    os.environ["OTEL_TRACES_SAMPLER"] = "parentbased_always_on"
    yield
    del os.environ["OTEL_TRACES_SAMPLER"]


@pytest.fixture(scope="session")
async def stack(tmp_path_factory) -> AsyncIterator[Stack]:
    """A NATS server and a mongod; a test that needs its own takes `own_stack`."""
    home = tmp_path_factory.mktemp("stack")
    _skip_without_servers(home)
    async with local_stack(home, {}, nats_port=0, mongo_port=0) as running:
        yield running


@pytest.fixture
async def own_stack(tmp_path) -> AsyncIterator[Stack]:
    """Servers that one test may kill."""
    _skip_without_servers(tmp_path)
    async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0) as running:
        yield running


@pytest.fixture(scope="session")
def mongo_client(stack) -> Iterator[Client]:
    client = connect(stack.mongo_url)
    yield client
    client.close()


@pytest.fixture
async def db(mongo_client) -> AsyncIterator[Database]:
    """An empty database of its own for each test."""
    name = f"test_{uuid4().hex}"
    yield mongo_client.get_database(name)
    await mongo_client.drop_database(name)


def _skip_without_servers(home) -> None:
    try:
        nats_program(home, 0)
        mongo_program(home, 0)
    except SettingsError as missing:
        absent(str(missing))
