"""The connection to MongoDB; every service keeps its own collections in its own ``store.py``."""

import functools
import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, timedelta
from typing import Any, Final, TypeVar

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.write_concern import WriteConcern

from shared.errors import UnavailableError

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]
Client = AsyncIOMotorClient[Document]
Collection = AsyncIOMotorCollection[Document]

#: Written into every document; a migration looks for smaller ones.
SCHEMA: Final = 1

SERVER_SELECTION: Final = timedelta(seconds=3)
WRITE_TIMEOUT: Final = timedelta(seconds=5)
# A server that is there but hangs is an outage too.
SOCKET_TIMEOUT: Final = timedelta(seconds=20)

#: For what may be lost in a crash because it is found again, such as "this event was published".
RELAXED: Final = WriteConcern(w=1, j=False)

_UNAVAILABLE: Final = (ConnectionFailure, NetworkTimeout, ExecutionTimeout, WTimeoutError)
_OTHER_OPTIONS: Final = 85
# What follows is for who knows the driver.
_ASIDE: Final = re.compile(r",? \(configured timeouts|, Timeout: |, full error: ")
C = TypeVar("C", bound=type)


def connect(url: str) -> Client:
    """A client whose writes are journaled by a majority before they count; opens nothing yet."""
    return AsyncIOMotorClient(
        url,
        w="majority",
        journal=True,
        wTimeoutMS=_ms(WRITE_TIMEOUT),
        serverSelectionTimeoutMS=_ms(SERVER_SELECTION),
        connectTimeoutMS=_ms(SERVER_SELECTION),
        socketTimeoutMS=_ms(SOCKET_TIMEOUT),
        tz_aware=True,
        tzinfo=UTC,
        uuidRepresentation="standard",
        appname="handrail",
    )


def database(client: Client, name: str) -> Database:
    """The database of one tenant."""
    return client.get_database(name)


async def answers(db: Database) -> bool:
    """Whether the database takes writes just now."""
    try:
        hello = await db.command("hello")
    except PyMongoError:
        return False
    return bool(hello.get("isWritablePrimary"))


async def expiring(collection: Collection, field: str, after: timedelta) -> None:
    """Have documents removed so long after the time in ``field``; may be called with another time.

    MongoDB looks once a minute.
    """
    name, seconds = f"{field}_expires", int(after.total_seconds())
    try:
        await collection.create_index(field, name=name, expireAfterSeconds=seconds)
    except OperationFailure as error:
        if error.code != _OTHER_OPTIONS:
            raise
        changed = {"name": name, "expireAfterSeconds": seconds}
        await collection.database.command("collMod", collection.name, index=changed)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the driver's "does not answer" as what the rest of the code knows."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise UnavailableError(f"MongoDB does not answer: {_told(error)}") from error
    except BulkWriteError as error:
        if error.details.get("writeConcernErrors") and not error.details.get("writeErrors"):
            raise UnavailableError("MongoDB did not confirm a write") from error
        raise
    except PyMongoError as error:
        # A write concern that failed on a server that is going away is reported in this way.
        if error.has_error_label("RetryableWriteError"):
            raise UnavailableError(f"MongoDB does not answer: {_told(error)}") from error
        raise


def _told(error: PyMongoError) -> str:
    """What the driver says, without how it was set up and all that it knows of the servers."""
    return _ASIDE.split(str(error), maxsplit=1)[0]


def seam(cls: C) -> C:
    """Translate the driver's errors in every public coroutine method of a store."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_"):
            continue
        if inspect.iscoroutinefunction(member):
            setattr(cls, name, _translating(member))
        elif inspect.isasyncgenfunction(member):
            setattr(cls, name, _translating_each(member))
    return cls


def _translating(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        with translated():
            return await method(*args, **kwargs)

    return call


def _translating_each(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with translated():
            async with aclosing(method(*args, **kwargs)) as items:
                async for item in items:
                    yield item

    return call


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
