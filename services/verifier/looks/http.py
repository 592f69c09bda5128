"""Looks at a page: its status and a piece of its text."""

from typing import Final

import httpx

from services.verifier.watch import Observation
from shared.events import HttpCheck

#: A page is not read further than this to find the text in it.
MOST: Final = 1024 * 1024


class HttpLook:
    """Asks with GET and follows no redirect: the status of the page itself is what counts."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def look(self, check: HttpCheck) -> Observation:
        try:
            async with self._client.stream("GET", check.url) as answer:
                if answer.status_code != check.status:
                    return Observation(
                        true=False, detail=f"answered {answer.status_code}, not {check.status}"
                    )
                if check.contains is None:
                    return Observation(true=True, detail=f"answered {answer.status_code}")
                return await _with_text(answer, check.contains)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Observation(true=False, detail=f"no answer: {type(error).__name__}: {error}")


async def _with_text(answer: httpx.Response, wanted: str) -> Observation:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MOST:
            break
    found = wanted in body.decode(errors="replace")
    detail = f"answered {answer.status_code} {'with' if found else 'without'} “{wanted}”"
    return Observation(true=found, detail=detail)
