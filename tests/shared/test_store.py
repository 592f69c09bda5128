"""The connection to MongoDB, and how its errors are told."""

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from shared.errors import UnavailableError
from shared.store import answers, connect, seam


@seam
class Things:
    """A store, as every service has one."""

    def __init__(self, collection) -> None:
        self._collection = collection

    async def add(self, name) -> str:
        """Keep a thing."""
        await self._collection.insert_one({"_id": name})
        return name

    async def fail(self, error) -> None:
        raise error

    async def names(self):
        async for thing in self._collection.find().sort("_id"):
            yield thing["_id"]

    async def names_until(self, error):
        yield "one"
        raise error

    def count_words(self, text) -> int:
        return len(text.split())


def labelled(label):
    error = OperationFailure("going away")
    error._add_error_label(label)
    return error


UNAVAILABLE = [
    AutoReconnect("gone"),
    NotPrimaryError("stepped down"),
    NetworkTimeout("slow"),
    ServerSelectionTimeoutError("none"),
    ExecutionTimeout("slow"),
    WTimeoutError("slow"),
    labelled("RetryableWriteError"),
]
OTHERS = [DuplicateKeyError("twice"), OperationFailure("no"), PyMongoError("?"), ValueError("x")]


@pytest.mark.parametrize("error", UNAVAILABLE, ids=lambda error: type(error).__name__)
async def test_a_server_that_does_not_answer_is_told_as_unavailable(error):
    with pytest.raises(UnavailableError, match="MongoDB does not answer") as caught:
        await Things(None).fail(error)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", OTHERS, ids=lambda error: type(error).__name__)
async def test_every_other_error_is_left_as_it_is(error):
    with pytest.raises(type(error)) as caught:
        await Things(None).fail(error)
    assert caught.value is error


async def test_an_iteration_that_breaks_off_is_told_too():
    names = Things(None).names_until(AutoReconnect("gone"))
    assert await anext(names) == "one"
    with pytest.raises(UnavailableError):
        await anext(names)


async def test_a_store_otherwise_works_as_without_the_seam(db):
    things = Things(db.things)
    assert [await things.add(name) for name in ("b", "a")] == ["b", "a"]
    assert [name async for name in things.names()] == ["a", "b"]
    assert things.count_words("one two") == 2
    assert Things.add.__doc__ == "Keep a thing."
    with pytest.raises(DuplicateKeyError):
        await things.add("a")


async def test_writes_are_journaled_by_a_majority_and_times_have_a_zone(stack):
    client = connect(stack.mongo_url)
    concern = client.write_concern.document
    assert concern["w"] == "majority"
    assert concern["j"] is True
    assert client.codec_options.tz_aware
    client.close()


async def test_a_mongod_that_is_down_is_unavailable_until_it_is_back(own_stack):
    client = connect(own_stack.mongo_url)
    database = client.get_database("test")
    things = Things(database.things)
    await things.add("before")
    assert await answers(database)

    mongod = next(child for child in own_stack.children if child.name == "mongod")
    await mongod.stop()
    with pytest.raises(UnavailableError):
        await things.add("during")
    assert not await answers(database)

    await mongod.start()
    await things.add("after")
    assert [name async for name in things.names()] == ["after", "before"]
    client.close()


async def test_what_only_the_driver_understands_is_left_out():
    client = connect("mongodb://127.0.0.1:1/?directConnection=true&serverSelectionTimeoutMS=50")
    with pytest.raises(UnavailableError) as caught:
        await Things(client["x"]["things"]).add("one")
    client.close()
    assert str(caught.value) == (
        "MongoDB does not answer: 127.0.0.1:1: [Errno 111] Connection refused"
    )
