"""GETs small things that a source needs, from hosts that its module has checked."""

from datetime import timedelta
from typing import Final

import httpx

from shared.errors import UnavailableError

FETCH_TIMEOUT: Final = timedelta(seconds=5)


async def fetched(client: httpx.AsyncClient, url: str) -> bytes:
    """The body of what is at a URL.

    Raises:
        UnavailableError: there is no good answer; names the host, and nothing of the path.
    """
    try:
        answer = await client.get(url)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        host = httpx.URL(url).host
        raise UnavailableError(f"{host} does not answer ({type(error).__name__})") from None
    return answer.content
