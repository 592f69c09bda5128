"""Where servers are found, and what is said when they are not there."""

import stat
import sys
from pathlib import Path

import pytest
from pymongo import MongoClient

from deploy.ports import free_port
from deploy.servers import executable, mongo_program, mongod, nats_program, nats_server
from shared.errors import SettingsError


async def test_a_server_of_somebody_else_is_not_taken_for_the_one_that_was_started(stack, tmp_path):
    nats_port = int(stack.nats_url.rpartition(":")[2])
    mongo_port = int(stack.mongo_url.rpartition(":")[2].split("/")[0])

    assert not await nats_program(tmp_path, nats_port).ready()
    assert not await mongo_program(tmp_path, mongo_port).ready()


async def test_a_port_where_nobody_listens_is_not_ready(tmp_path):
    assert not await nats_program(tmp_path, free_port(0)).ready()
    assert not await mongo_program(tmp_path, free_port(0)).ready()


async def test_mongod_takes_transactions(stack):
    with MongoClient(stack.mongo_url) as client, client.start_session() as session:
        with session.start_transaction():
            client.get_database("t").get_collection("c").insert_one({"_id": 1}, session=session)
        assert client.get_database("t").get_collection("c").count_documents({}) == 1
        client.drop_database("t")


def test_a_program_that_lost_its_executable_bit_gets_it_back(tmp_path):
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)

    assert executable(program) == program
    assert program.stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize(
    ("find", "program", "setting"),
    [(nats_server, "nats-server", "HANDRAIL_NATS_URL"), (mongod, "mongod", "HANDRAIL_MONGO_URL")],
)
def test_a_platform_without_the_wheel_gets_one_line_that_says_what_to_do(
    find, program, setting, monkeypatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(SettingsError) as raised:
        find()

    message = str(raised.value)
    assert f"{program} is not here" in message
    assert setting in message
    assert "\n" not in message


def test_a_program_on_the_path_is_used_first(monkeypatch, tmp_path):
    for name in ("nats-server", "mongod"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Path(nats_server()).parent == tmp_path
    assert Path(mongod()).parent == tmp_path


def test_a_home_that_is_no_folder_is_told_in_one_line(tmp_path):
    home = tmp_path / "file"
    home.write_text("")

    with pytest.raises(SettingsError, match=r"HANDRAIL_HOME: .*cannot be made"):
        nats_program(home, 0)
