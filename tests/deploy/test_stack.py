"""The local stack, on real servers."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import nats
import pytest
from pymongo import MongoClient

from deploy.ports import free_port
from deploy.stack import local_stack
from deploy.supervisor import ChildFailedError
from shared.errors import SettingsError
from tests.deploy.conditions import alive, processes_of, until

PARENT = """
import asyncio, sys
from pathlib import Path
from deploy.stack import local_stack

async def main():
    async with local_stack(Path(sys.argv[1]), {}, nats_port=0, mongo_port=0) as stack:
        print(*(child.pid for child in stack.children), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def pid_of(stack, name):
    return next(child.pid for child in stack.children if child.name == name)


def remembered(stack) -> list[int]:
    with MongoClient(stack.mongo_url, w="majority") as client:
        found = client.get_database("t").get_collection("kept").find()
        return sorted(document["_id"] for document in found)


def remember(stack, number: int) -> None:
    with MongoClient(stack.mongo_url, w="majority", journal=True) as client:
        client.get_database("t").get_collection("kept").insert_one({"_id": number})


async def publish(stack, text: str) -> None:
    client = await nats.connect(stack.nats_url)
    js = client.jetstream()
    await js.add_stream(name="KEPT", subjects=["kept"])
    await js.publish("kept", text.encode())
    await client.close()


async def published(stack) -> int:
    client = await nats.connect(stack.nats_url)
    info = await client.jetstream().stream_info("KEPT")
    await client.close()
    return info.state.messages


async def test_servers_that_are_killed_come_back_on_the_same_ports_with_their_data(own_stack):
    await publish(own_stack, "before")
    remember(own_stack, 1)
    pids = [child.pid for child in own_stack.children]

    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for child, pid in zip(own_stack.children, pids, strict=True):
        await until(lambda child=child, pid=pid: child.pid != pid)

    remember(own_stack, 2)
    assert remembered(own_stack) == [1, 2]
    await publish(own_stack, "after")
    assert await published(own_stack) == 2


async def test_stopping_leaves_no_process(tmp_path):
    async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0) as stack:
        assert len(processes_of(tmp_path)) == 2
        assert all(alive(child.pid) for child in stack.children)

    assert processes_of(tmp_path) == []


async def test_data_survives_a_restart_on_other_ports(tmp_path):
    async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0) as first:
        remember(first, 1)
        await publish(first, "one")
    async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0) as second:
        assert first.mongo_url != second.mongo_url
        remember(second, 2)
        assert remembered(second) == [1, 2]
        assert await published(second) == 1


async def test_what_a_killed_parent_leaves_is_gone_soon_and_its_data_can_be_used_again(tmp_path):
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert all(alive(pid) for pid in pids)

    parent.kill()
    await parent.wait()
    async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0) as stack:
        remember(stack, 1)

    assert not any(alive(pid) for pid in pids)
    assert processes_of(tmp_path) == []


async def test_servers_and_parent_that_were_all_killed_leave_data_that_can_be_used(tmp_path):
    async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0) as stack:
        remember(stack, 1)
        await publish(stack, "one")
        for child in stack.children:
            child._watch.cancel()
            os.kill(child.pid, signal.SIGKILL)
    assert (tmp_path / "mongo" / "mongod.lock").read_text() != ""

    async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0) as again:
        assert remembered(again) == [1]
        assert await published(again) == 1


async def test_servers_that_are_named_by_their_urls_are_used_and_none_is_started(stack, tmp_path):
    async with local_stack(tmp_path, stack.environment()) as used:
        assert used.children == ()
        assert used.environment() == stack.environment()

    assert list(tmp_path.iterdir()) == []


async def test_only_the_server_that_is_not_named_is_started(stack, tmp_path):
    environment = {"HANDRAIL_MONGO_URL": stack.mongo_url}
    async with local_stack(tmp_path, environment, nats_port=0) as used:
        assert [child.name for child in used.children] == ["nats-server"]
        assert used.mongo_url == stack.mongo_url


async def test_a_taken_port_leads_to_a_free_one(tmp_path, stack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {"HANDRAIL_MONGO_URL": stack.mongo_url}
        async with local_stack(tmp_path, environment, nats_port=port) as running:
            assert running.nats_url != f"nats://127.0.0.1:{port}"
            await publish(running, "works")


async def test_a_start_that_fails_half_way_leaves_no_process(tmp_path):
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "jetstream").write_text("no folder")

    with pytest.raises(ChildFailedError, match=r"nats-server ended while it started"):
        async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0):
            pytest.fail("it started")

    assert processes_of(tmp_path) == []


async def test_a_home_that_cannot_be_made_starts_nothing(tmp_path):
    (tmp_path / "nats").write_text("no folder")

    with pytest.raises(SettingsError, match="HANDRAIL_HOME"):
        async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0):
            pytest.fail("it started")

    assert processes_of(tmp_path) == []


async def test_an_error_in_the_body_stops_the_servers(tmp_path):
    with pytest.raises(ZeroDivisionError):
        async with local_stack(tmp_path, {}, nats_port=0, mongo_port=0):
            raise ZeroDivisionError

    assert processes_of(tmp_path) == []


async def test_a_relative_home_works(tmp_path, stack, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {"HANDRAIL_MONGO_URL": stack.mongo_url}
    async with local_stack(Path("home"), environment, nats_port=free_port(0)) as running:
        await publish(running, "works")
    assert (tmp_path / "home" / "nats" / "jetstream").is_dir()
