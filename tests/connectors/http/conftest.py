"""A real HTTPS server, and connectors to it."""

from datetime import timedelta

import pytest

from shared.config.targets.http import HttpTarget
from shared.connectors.http import HttpConnector
from shared.connectors.protocol import (
    Job,
)
from shared.lifecycle import Effect
from tests.connectors.http.api import api

SECRET = "tok-5ecret-canary"


@pytest.fixture
async def server(tmp_path):
    async with api(tmp_path / "api") as one:
        yield one


@pytest.fixture
async def connect(server, monkeypatch):
    """Makes connectors to the server, by its name, as another executor would have its own."""
    monkeypatch.setenv("API_TOKEN", SECRET)
    made = []

    def connector(resolve=None, **fields):
        given = {
            "connector": "http",
            "url": server.url() + "/v1",
            "auth": {"bearer": {"env": "API_TOKEN"}},
            "tls": {"ca": server.ca},
            "allow_private": True,
            **fields,
        }
        made.append(HttpConnector(HttpTarget.model_validate(given), resolve=resolve))
        return made[-1]

    yield connector
    for one in made:
        await one.close()


def job(*lines, key="session-step-1", effect=Effect.ONCE, seconds=60.0):
    return Job(key, "\n".join(lines), timedelta(seconds=seconds), effect=effect)


PURGE = ("POST", 'path: "/purge"', 'json: {"key": "a b"}')
