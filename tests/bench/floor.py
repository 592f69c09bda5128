"""The bare floor: the necessary writes and publishes, and nothing else."""

import asyncio
import json
from typing import Self
from uuid import uuid4

import nats
from nats.js.api import StorageType, StreamConfig
from pymongo import UpdateOne

from shared.store import connect
from tests.bench.load import side_by_side

# About the size of a ticket and of its event.
PAYLOAD = {"labels": {f"label-{n}": "value" * 3 for n in range(8)}, "title": "x" * 120}
EVENT = json.dumps(PAYLOAD).encode() + b"x" * 500


class Floor:
    """A bare client of both servers."""

    def __init__(self, mongo_url: str, nats_url: str) -> None:
        self._client = connect(mongo_url)
        db = self._client.get_database("floor")
        self._tickets = db.get_collection(uuid4().hex)
        self._history = db.get_collection(uuid4().hex)
        self._nats_url = nats_url

    async def __aenter__(self) -> Self:
        self._nc = await nats.connect(self._nats_url)
        self._js = self._nc.jetstream()
        await self._js.add_stream(
            StreamConfig(name="FLOOR", subjects=["floor.>"], storage=StorageType.FILE)
        )
        await self._tickets.create_index("key", unique=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._js.delete_stream("FLOOR")
        await self._client.drop_database("floor")
        await self._nc.close()
        self._client.close()

    async def write(self, alerts: int = 1) -> None:
        """One upsert for each alert, as one journaled majority write."""
        await self._tickets.bulk_write(
            [
                UpdateOne({"key": uuid4().hex}, {"$setOnInsert": PAYLOAD}, upsert=True)
                for _ in range(alerts)
            ],
            ordered=False,
        )

    async def keep(self, alerts: int = 1) -> None:
        """One document of the history for each alert, as one journaled majority write."""
        await self._history.insert_many([{**PAYLOAD} for _ in range(alerts)], ordered=False)

    async def publish(self, events: int = 1) -> None:
        for _ in range(events):
            await self._js.publish(
                "floor.x", EVENT, headers={"Nats-Msg-Id": uuid4().hex, "ce-id": uuid4().hex}
            )

    async def accept(self, alerts: int = 1) -> None:
        """What accepting a webhook cannot do without."""
        await self.write(alerts)
        await asyncio.gather(self.publish(alerts), self.keep(alerts))

    async def accepts_per_s(self, count: int, workers: int, alerts: int = 1) -> float:
        seconds = await side_by_side(count, workers, lambda _: self.accept(alerts))
        return count * alerts / seconds
