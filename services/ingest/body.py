"""The bodies of requests: bounded in size and time, and in how many are held at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.ingest.gate import Busy, Gate
from services.ingest.refusal import Refusal, Why, busy

BODY_MOST: Final = 5 * 1024 * 1024
#: How long a body may be on its way once there is room for it.
BODY_WITHIN: Final = timedelta(seconds=30)


@asynccontextmanager
async def received(
    request: Request, source: str, gate: Gate, *, within: timedelta = BODY_WITHIN
) -> AsyncIterator[bytes]:
    """The whole body of a request, which has its room until this is left.

    Raises:
        Refusal: it is too large, or did not come, or there was no room for it.
    """
    size = _announced(request)
    try:
        async with gate.passed(source, size) as place:
            body = await _read(request, within)
            gate.shrink(place, len(body))
            yield body
    except Busy as reason:
        raise busy(reason) from None


def _announced(request: Request) -> int:
    """How many bytes the body has at the most."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        return BODY_MOST
    if len(length) > len(str(BODY_MOST)) or int(length) > BODY_MOST:
        raise _too_large()
    return int(length)


async def _read(request: Request, within: timedelta) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(within.total_seconds()):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_MOST:
                    raise _too_large()
    except TimeoutError:
        raise _too_slow(within) from None
    except ClientDisconnect as gone:
        reason = "the connection was closed before the whole body came"
        raise Refusal(400, reason, why=Why.INCOMPLETE) from gone
    return bytes(body)


def _too_large() -> Refusal:
    return Refusal(
        413, f"the body is larger than {BODY_MOST} bytes: send fewer alerts in one notification"
    )


def _too_slow(within: timedelta) -> Refusal:
    refusal = Refusal(
        408, f"the body did not come within {within.total_seconds():g} s: send it again"
    )
    # What is still on its way would be read as the next request.
    refusal.headers["Connection"] = "close"
    return refusal
