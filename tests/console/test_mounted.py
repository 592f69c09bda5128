"""The API is put together when it is first asked for, and not before."""

import asyncio
import subprocess
import sys

import httpx
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from services.console.api.mounted import mount
from services.console.app import build
from shared.errors import UnavailableError
from tests.console.conftest import PATIENCE, bearer
from tests.running import running


def client_of(make):
    api = FastAPI()
    mount(api, make)
    transport = httpx.ASGITransport(api)
    return httpx.AsyncClient(transport=transport, base_url="http://console")


async def test_it_is_made_once_also_for_those_who_ask_at_once():
    made = []

    async def make():
        made.append(1)
        await asyncio.sleep(0)
        return PlainTextResponse("here")

    async with client_of(make) as client:
        paths = ("/api", "/api/", "/api/v1/targets", "/api/v1/targets/a")
        answers = await asyncio.gather(*(client.get(path) for path in paths))
    assert {answer.text for answer in answers} == {"here"}
    assert len(made) == 1


async def test_where_it_cannot_be_made_it_is_tried_again_with_the_next_request():
    made = []

    async def make():
        made.append(1)
        if len(made) == 1:
            raise UnavailableError("the store is away")
        return PlainTextResponse("here")

    async with client_of(make) as client:
        refused = await client.get("/api/v1/me")
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert (await client.get("/api/v1/me")).text == "here"


async def test_a_wrong_handrail_yaml_keeps_the_api_away_until_it_is_mended(settings, token_of):
    right = settings.config.read_text()
    settings.config.write_text("targets: {x: {connector: tape}}")
    headers = bearer(await token_of())
    async with running(build(settings)) as client:
        client.timeout = PATIENCE
        assert (await client.get("/api/v1/me", headers=headers)).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        settings.config.write_text(right)
        assert (await client.get("/api/v1/me", headers=headers)).json()["name"] == "admin"


def test_a_console_that_only_records_loads_nothing_of_it():
    said = (
        "import sys, services.console.app; "
        "print([name for name in ('shared.config', 'services.console.api.problem', 'hvac')"
        " if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", said], check=True, capture_output=True)
    assert loaded.stdout.strip() == b"[]"


async def test_what_is_not_there_and_what_cannot_be_done_are_problems_too(admin_served):
    admin = admin_served
    missing, wrong = await admin.get("/api/v1/nothing"), await admin.patch("/api/v1/me")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    for answer in (missing, wrong):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


async def test_a_body_without_end_and_one_of_another_kind_are_not_taken(admin):
    long = await admin.put("/api/v1/targets/a", content=b" " * 300_000)
    assert long.status_code == 413
    other = await admin.put("/api/v1/targets/a", content="connector: local")
    assert other.status_code == 415


async def test_strangers_are_asked_for_a_token_before_anything_is_read(served):
    answer = await served.put("/api/v1/targets/a", content=b" " * 300_000)
    assert answer.status_code == 401


async def test_me_is_whose_token_it_is(served, token_of):
    headers = bearer(await token_of(name="ci"))
    assert (await served.get("/api/v1/me", headers=headers)).json() == {
        "name": "ci",
        "role": "admin",
    }
