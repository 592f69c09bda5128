"""A running ingest, on real servers."""

from contextlib import asynccontextmanager

import pytest

from deploy.ports import free_port
from services.ingest.app import Settings, build
from tests.running import running, streams

TOKEN = "sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SOURCES = """\
sources:
  alertmanager: {bearer: {env: INGEST_TEST_TOKEN}}
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings for ingest on a stack."""
    monkeypatch.setenv("INGEST_TEST_TOKEN", TOKEN)
    config = tmp_path / "handrail.yaml"
    config.write_text(SOURCES)

    def on(stack, database):
        return Settings(
            nats_url=stack.nats_url,
            mongo_url=stack.mongo_url,
            mongo_database=database,
            ingest_port=free_port(0),
            config=config,
            home=tmp_path,
        )

    return on


@pytest.fixture
async def ingest(stack, db, settings):
    """A client of a running ingest."""
    async with running(build(settings(stack, db.name))) as client:
        client.headers = BEARER
        yield client


@pytest.fixture
async def on_stream(stack):
    async with streams(stack.nats_url) as found:
        await found.skip_to_now()
        yield found


@asynccontextmanager
async def on_own(own_stack, settings):
    """A running ingest and the streams, on servers that the test may stop."""
    service = build(settings(own_stack, "own"))
    async with running(service) as client, streams(own_stack.nats_url) as found:
        client.headers = BEARER
        yield service, client, found
