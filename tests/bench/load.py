"""A load of webhooks over kept connections, light enough not to be what is measured."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable

from tests.flows.world import TOKEN, alert, notification


def request(*jobs: str) -> bytes:
    """A webhook with one alert for each job, as bytes on the wire."""
    return posted(json.dumps(notification(*(alert(job) for job in jobs))).encode())


def posted(body: bytes) -> bytes:
    """A webhook with this body, as bytes on the wire."""
    head = (
        "POST /webhooks/alertmanager HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def post_all(port: int, requests: Iterable[bytes], connections: int) -> float:
    """Post everything; how many seconds it took. Every answer has to be a 202."""
    left = iter(requests)

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for wanted in left:
            await exchange(reader, writer, wanted)
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one_connection())
    return time.perf_counter() - began


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: bytes
) -> None:
    """One request and its answer."""
    writer.write(wanted)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if b" 202 " not in head.split(b"\r\n")[0]:
        raise AssertionError(body.decode())


async def side_by_side(count: int, workers: int, work: Callable[[int], object]) -> float:
    """Do something ``count`` times with so many at once; how many seconds it took."""
    numbers = iter(range(count))

    async def one_worker() -> None:
        for number in numbers:
            await work(number)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(one_worker())
    return time.perf_counter() - began
