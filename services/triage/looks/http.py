"""Looks with a GET: no redirects, no compression, and of a body so much and no more."""

from collections.abc import Callable, Mapping
from typing import Final

import httpx

from services.triage.looks.answer import Answer, NoValueError, found
from shared.config.evidence import HttpLook
from shared.errors import HandrailError

BODY_MOST: Final = 256 * 1024
# A few kilobytes can unpack to gigabytes.
_PLAIN: Final = {"Accept-Encoding": "identity"}


class NoAnswerError(HandrailError):
    """A server did not answer, or not in a way that is read."""


async def get(
    client: httpx.AsyncClient,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """The status and the body of a GET.

    Raises:
        NoAnswerError: there is no answer, or its body is too long or compressed.
    """
    try:
        request = client.build_request(
            "GET", url, params=params, headers={**_PLAIN, **(headers or {})}
        )
        answer = await client.send(request, stream=True)
        try:
            return answer.status_code, await _body(answer)
        finally:
            await answer.aclose()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswerError(f"no answer: {type(error).__name__}: {error}") from error


async def _body(answer: httpx.Response) -> bytes:
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise NoAnswerError("the answer is compressed, which was not asked for")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > BODY_MOST:
            raise NoAnswerError(f"the answer is longer than {BODY_MOST} bytes")
    return bytes(body)


class HttpLooks:
    """Takes a value out of a body, or the status as it is."""

    def __init__(self, client: httpx.AsyncClient, mask: Callable[[str], str]) -> None:
        self._client = client
        self._mask = mask

    async def look(self, look: HttpLook) -> Answer:
        if look.output is None:
            return Answer(await self._status(look.url))
        status, body = await get(self._client, look.url)
        if not httpx.codes.is_success(status):
            raise NoValueError(f"it answered {status}")
        value = found(look.output, self._mask(body.decode(errors="replace")))
        return Answer(value, f"it answered {status}")

    async def _status(self, url: str) -> int:
        """The status alone; of the body nothing is read."""
        try:
            async with self._client.stream("GET", url, headers=_PLAIN) as answer:
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswerError(f"no answer: {type(error).__name__}: {error}") from error
