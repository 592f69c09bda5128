"""Whether services can do their work, as they say themselves."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import httpx

from shared.errors import HandrailError

START_TIMEOUT: Final = timedelta(seconds=120)
_POLL: Final = timedelta(seconds=0.05)
_ANSWER: Final = timedelta(seconds=2)


class NotReadyError(HandrailError):
    """A service did not become ready in time."""


async def missing(url: str) -> str | None:
    """What the service at this URL lacks: None when it is ready."""
    try:
        # It is plain HTTP; to read all certificates at every look would keep a core busy.
        async with httpx.AsyncClient(
            timeout=_ANSWER.total_seconds(),
            trust_env=False,
            verify=False,  # noqa: S501
        ) as client:
            answer = await client.get(f"{url}/readyz")
            if answer.is_success:
                return None
            lacks = [name for name, has in answer.json().items() if not has]
    except (httpx.HTTPError, ValueError) as error:
        return f"does not answer ({type(error).__name__})"
    return "has no " + ", ".join(lacks)


async def ready(url: str) -> bool:
    return await missing(url) is None


async def until_ready(urls: Mapping[str, str], *, within: timedelta = START_TIMEOUT) -> None:
    """Return when all services are ready.

    Raises:
        NotReadyError: one is not in time; says what it lacks.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            await asyncio.gather(*(_until(url) for url in urls.values()))
    except TimeoutError:
        lacks = await asyncio.gather(*(missing(url) for url in urls.values()))
        told = [f"{name} {lack}" for name, lack in zip(urls, lacks, strict=True) if lack]
        raise NotReadyError("not ready in time: " + "; ".join(told)) from None


async def _until(url: str) -> None:
    while not await ready(url):  # noqa: ASYNC110 it is told by a port, maybe of another process
        await asyncio.sleep(_POLL.total_seconds())
