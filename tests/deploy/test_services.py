"""Services by name, and how they run together."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest

import services
from deploy.ports import answers, free_port
from deploy.readiness import NotReadyError, missing, until_ready
from deploy.services import PARTS, Part, named, run_services
from shared.errors import SettingsError

LAMP = Part("lamp", "tests.deploy.lamp", 0)


@pytest.fixture
def lamp_port(stack, monkeypatch) -> int:
    port = free_port(0)
    for name, value in {**stack.environment(), "HANDRAIL_LAMP_PORT": str(port)}.items():
        monkeypatch.setenv(name, value)
    return port


def test_every_service_has_a_name_and_a_port_of_its_own():
    folders = {path.parent.name for path in Path(services.__file__).parent.glob("*/__init__.py")}

    assert set(PARTS) == folders
    assert len({part.port for part in PARTS.values()}) == len(PARTS)


def test_a_name_that_is_no_service_is_told_with_those_that_are():
    with pytest.raises(SettingsError, match=r"no service lamp \(there are: ingest, "):
        named(["ingest", "lamp"])


def test_a_service_that_is_named_twice_runs_once():
    assert [part.name for part in named(["ingest", "triage", "ingest"])] == ["ingest", "triage"]


async def test_a_running_service_is_ready_and_a_cancelled_one_is_gone(lamp_port):
    running = asyncio.create_task(run_services([LAMP]))

    await until_ready({"lamp": f"http://127.0.0.1:{lamp_port}"}, within=timedelta(seconds=60))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert running.cancelled()
    assert not answers(lamp_port)


async def test_a_missing_setting_is_one_line_that_names_it(lamp_port, monkeypatch):
    monkeypatch.delenv("HANDRAIL_LAMP_PORT")

    with pytest.raises(SettingsError) as raised:
        await run_services([LAMP])

    assert str(raised.value) == "HANDRAIL_LAMP_PORT: is not set"


async def test_a_taken_port_is_told_by_itself(lamp_port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", lamp_port))
        taken.listen()
        with pytest.raises(SettingsError, match="cannot be listened on"):
            await run_services([LAMP])


async def test_when_one_service_fails_all_stop_and_the_failure_is_told(lamp_port, monkeypatch):
    monkeypatch.setenv("HANDRAIL_LAMP_BREAKS", "1")

    with pytest.raises(SettingsError, match="HANDRAIL_LAMP_BREAKS: is set"):
        await run_services([LAMP])

    assert not answers(lamp_port)


async def test_what_is_not_ready_in_time_is_told_with_what_it_lacks(lamp_port, monkeypatch):
    monkeypatch.setenv("HANDRAIL_NATS_URL", f"nats://127.0.0.1:{free_port(0)}")
    running = asyncio.create_task(run_services([LAMP]))
    url = f"http://127.0.0.1:{lamp_port}"
    nobody = f"http://127.0.0.1:{free_port(0)}"

    with pytest.raises(NotReadyError, match="lamp has no started, nats; other does not answer"):
        await until_ready({"lamp": url, "other": nobody}, within=timedelta(seconds=1))

    assert await missing(nobody) == "does not answer (ConnectError)"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
