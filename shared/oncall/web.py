"""What is fetched over HTTP: with limits, following nowhere, and errors without secrets."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import httpx

from shared.oncall.known import FetchError

TIMEOUT: Final = timedelta(seconds=15)
_OCTETS_MOST: Final = 10 * 1024 * 1024
_ALLOWED: Final = ("http://", "https://")


def client() -> httpx.AsyncClient:
    """A client for schedules; whoever asks for it closes it."""
    return httpx.AsyncClient(timeout=TIMEOUT.total_seconds(), follow_redirects=False)


async def body(
    http: httpx.AsyncClient,
    url: str,
    *,
    what: str,
    headers: Mapping[str, str] | None = None,
    params: Sequence[tuple[str, str]] = (),
) -> bytes:
    """What a server answers with 200; ``what`` is how errors call it.

    Raises:
        FetchError: it answers otherwise, with too much, or not at all.
    """
    if not url.startswith(_ALLOWED):
        raise FetchError(f"{what}: is no address that begins with http:// or https://")
    read = bytearray()
    try:
        query = httpx.QueryParams(list(params)) if params else None
        async with http.stream("GET", url, headers=headers, params=query) as response:
            if response.status_code != httpx.codes.OK:
                raise FetchError(f"{what} answers {response.status_code}{_hint(response)}")
            async for chunk in response.aiter_bytes():
                read += chunk
                if len(read) > _OCTETS_MOST:
                    raise FetchError(f"{what} answers with more than {_OCTETS_MOST} octets")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Not the error's text: the address may be a secret.
        raise FetchError(f"{what} does not answer ({type(error).__name__})") from None
    return bytes(read)


def _hint(response: httpx.Response) -> str:
    hints: dict[int, Any] = {
        401: ": it does not know the token",
        403: ": the token may not read this",
        404: ": it has no such schedule",
        429: ": it is asked too often",
    }
    if response.is_redirect:
        return ": it sends elsewhere, and is not followed"
    return str(hints.get(response.status_code, ""))
