"""``handrail up``, as a person runs it."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from deploy.ports import answers
from deploy.readiness import ready
from deploy.runfile import found
from deploy.services import OTHER_HALF
from deploy.stack import Stack
from tests.deploy.conditions import alive, processes_of, until
from tests.deploy.terminal import Terminal, Up, own_ports
from tests.programs import program


@pytest.fixture
def terminal(tmp_path) -> Terminal:
    return Terminal(tmp_path, own_ports())


@pytest.fixture
def with_servers(terminal, stack) -> Terminal:
    """A terminal where NATS and MongoDB run already, on a database of its own."""
    return beside(stack, terminal)


def beside(stack: Stack, terminal: Terminal) -> Terminal:
    name = f"up_{uuid4().hex}"
    return terminal.having(**stack.environment(), HANDRAIL_MONGO_DATABASE=name)


@pytest.fixture(scope="module")
async def running(stack, tmp_path_factory) -> AsyncIterator[tuple[Terminal, Up]]:
    """One that several tests look at, and the terminal that it was started on."""
    terminal = beside(stack, Terminal(tmp_path_factory.mktemp("up"), own_ports()))
    async with terminal.up() as up:
        yield terminal, up


async def a_first_alert(said: str) -> httpx.Response:
    """Do what the printed curl line does."""
    program("curl")
    line = next(line for line in said.splitlines() if line.startswith("curl "))
    shell = await asyncio.create_subprocess_shell(line, stdout=asyncio.subprocess.PIPE)
    out, _ = await shell.communicate()
    assert shell.returncode == 0
    return httpx.Response(202, content=out)


async def test_all_starts_takes_the_printed_alert_and_stops_without_a_trace(terminal):
    async with terminal.up() as up:
        assert all([await ready(service.url) for service in up.run.services.values()])
        ticket_id = (await a_first_alert(up.said)).json()["tickets"][0]["id"]

        async def recorded() -> bool:
            said = await terminal.run("ticket", "timeline", ticket_id[:8], "--json")
            return len(said.json()["entries"]) >= 3

        await until(recorded)
        shown = (await terminal.run("ticket", "show", ticket_id, "--json")).json()
        assert (shown["id"], shown["state"]) == (ticket_id, "escalated")
        assert (await terminal.run("doctor")).code == 0
        ended = await up.stop(signal.SIGTERM)

    assert (ended.code, ended.err) == (0, "")
    assert processes_of(terminal.folder) == []
    assert found(terminal.home) is None
    assert "service.stopped" in (terminal.home / "log" / "handrail.log").read_text()


async def test_it_says_where_all_listens_and_what_is_not_configured(running):
    _, up = running
    for name, service in up.run.services.items():
        assert re.search(rf"{name} +{service.url} ", up.said)
    for missing in ("HANDRAIL_SMTP_URL", "people: nobody", "targets: none", "prometheus: none"):
        assert missing in up.said
    assert "mongod" in up.said
    assert up.run.servers == {}


async def test_it_says_at_once_what_it_starts_and_where_data_lies(running):
    terminal, up = running
    first = up.said.splitlines()[0]
    assert first == f"Starting the services; data lies in {terminal.home} (HANDRAIL_HOME)."


async def test_a_second_one_in_the_same_home_says_so_in_one_line(running):
    terminal, up = running
    second = await terminal.run("up")

    assert second.code == 1
    assert (second.err.count("\n"), second.out) == (1, "")
    assert f"already (process {up.process.pid})" in second.err
    assert alive(up.process.pid)


async def test_ctrl_c_stops_it_and_logs_go_to_the_terminal_on_request(with_servers):
    async with with_servers.up("--logs") as up:
        ended = await up.stop(signal.SIGINT)

    assert ended.code == 0
    assert '"event": "service.stopped"' in ended.err
    assert "Traceback" not in ended.err


async def test_a_killed_one_leaves_no_process_and_can_be_started_again(terminal):
    async with terminal.up() as up:
        up.process.kill()
        await up.process.communicate()
        await until(lambda: not any(map(alive, up.pids())))
    assert found(terminal.home) is None
    assert processes_of(terminal.folder) == []


async def test_with_processes_a_killed_service_comes_back_and_a_killed_parent_leaves_none(
    with_servers,
):
    async with with_servers.up("--processes") as up:
        triage = up.run.services["triage"]
        assert len(up.pids()) == 7

        os.kill(triage.pid, signal.SIGKILL)
        await until(lambda: not answers(triage.port))
        await until(lambda: ready(triage.url))
        up.process.kill()
        await up.process.communicate()

        await until(lambda: processes_of(with_servers.folder) == [])
    assert "service.stopped" in (with_servers.home / "log" / "triage.log").read_text()


async def test_on_several_cores_it_is_two_processes_and_a_killed_one_comes_back(with_servers):
    async with with_servers.up() as up:
        others = {up.run.services[part.name].pid for part in OTHER_HALF}
        assert len(others) == 1
        assert set(up.pids()) == {up.process.pid, *others}

        os.kill(others.pop(), signal.SIGKILL)
        notifier = up.run.services["notifier"]
        await until(lambda: not answers(notifier.port))
        await until(lambda: ready(notifier.url))
        assert alive(up.process.pid)


async def test_a_wrong_setting_of_either_process_is_told_in_one_line(with_servers):
    ended = await with_servers.having(HANDRAIL_SMTP_URL="smtp:nowhere").run("up")

    assert ended.code == 2
    assert "HANDRAIL_SMTP_URL" in ended.err
    assert ended.err.count("\n") == 1
    assert processes_of(with_servers.folder) == []


async def test_a_stop_while_it_starts_leaves_no_process(terminal):
    starting = await terminal.start("up")
    await until(lambda: len(processes_of(terminal.folder)) > 1)

    starting.send_signal(signal.SIGTERM)
    await starting.communicate()

    assert starting.returncode == 0
    assert processes_of(terminal.folder) == []


@pytest.mark.parametrize("name", ["TRIAGE", "VERIFIER"])
@pytest.mark.parametrize("arguments", [(), ("--processes",)])
async def test_a_port_that_was_asked_for_and_is_taken_stops_the_start(
    with_servers, arguments, name
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = await with_servers.having(**{f"HANDRAIL_{name}_PORT": str(port)}).run(
            "up", *arguments
        )

    assert ended.code != 0
    assert f"127.0.0.1:{port} cannot be listened on" in ended.err
    assert "Traceback" not in ended.err
    assert processes_of(with_servers.folder) == []


async def test_a_wrong_config_is_told_with_line_and_column_and_leaves_no_process(terminal):
    (terminal.folder / "handrail.yaml").write_text("people:\n  - name: A\n    mail: x\n")

    ended = await terminal.run("up")

    assert ended.code == 2
    assert "handrail.yaml:3:5: people.0.mail: there is no such field" in ended.err
    assert "Traceback" not in ended.err
    assert processes_of(terminal.folder) == []
