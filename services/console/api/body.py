"""Reads what is sent: so much and no more, as JSON, of texts that can be kept."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.console.api.problem import Refusal

#: A kubeconfig with its certificates has some tens of kilobytes.
BODY_MOST: Final = 256 * 1024
_IN_TIME: Final = timedelta(seconds=30)
#: What may stand for half a character, or for NUL: no store, no shell and no file takes them.
_SUSPICIOUS: Final = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")


async def received(request: Request) -> bytes:
    """The body of a request.

    Raises:
        Refusal: it is too long, or too slow, or no JSON, or has a text that cannot be kept.
    """
    body = await _read(request)
    if body and not _says_json(request):
        raise Refusal(415, "send JSON, and say so: `Content-Type: application/json`")
    if _SUSPICIOUS.search(body):
        _check_texts(body)
    return body


async def _read(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_IN_TIME.total_seconds()):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_MOST:
                    raise Refusal(413, f"the body has more than {BODY_MOST // 1024} KiB")
    except (TimeoutError, ClientDisconnect):
        raise Refusal(408, "the body did not come in time") from None
    return bytes(body)


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    main, _, sub = kind.partition("/")
    return main == "application" and (sub == "json" or sub.endswith("+json"))


def _check_texts(body: bytes) -> None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        # Whoever reads it next says what is wrong with it.
        return
    if not all(map(_can_be_kept, _texts(said))):
        raise Refusal(400, "a text in the body has a NUL or half a character (a lone surrogate)")


def _texts(said: Any) -> Iterator[str]:
    match said:
        case str():
            yield said
        case list():
            for each in said:
                yield from _texts(each)
        case dict():
            for name, each in said.items():
                yield name
                yield from _texts(each)


def _can_be_kept(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
