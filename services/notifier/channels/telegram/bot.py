"""Telegram's Bot API (https://core.telegram.org/bots/api): one bot."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import httpx
from pydantic import SecretStr

from services.notifier.channels.messenger import RefusedError
from shared.errors import UnavailableError

TIMEOUT: Final = timedelta(seconds=15)
# What will not get better by itself: among it who blocked the bot, or threw it out (403).
_FINAL: Final = frozenset({400, 403, 404})
_TOO_MANY: Final = 429
_CONFLICT: Final = 409
# Longer than this, and the bus may as well try again later.
_WAIT: Final = timedelta(seconds=30)


class NotModifiedError(RefusedError):
    """The message says that already."""


class ConflictError(UnavailableError):
    """Another process asks for this bot's updates."""


class Bot:
    """Calls methods; the token is a part of the address, which no error repeats."""

    def __init__(self, url: str, token: SecretStr) -> None:
        self._url = url.rstrip("/")
        self.token = token
        self._client = httpx.AsyncClient(timeout=TIMEOUT.total_seconds(), follow_redirects=False)

    async def call(self, method: str, *, wait: timedelta = timedelta(0), **said: Any) -> Any:
        """The result of a method, which may take ``wait`` longer than others.

        Raises:
            RefusedError: trying again cannot help.
            UnavailableError: not now.
        """
        answer = await self._posted(method, wait, said)
        if answer.status_code == _TOO_MANY and (pause := _asked_to_wait(answer)) <= _WAIT:
            await asyncio.sleep(pause.total_seconds())
            answer = await self._posted(method, wait, said)
        body = _body(answer)
        if body.get("ok"):
            return body.get("result")
        told = f"Telegram, {method}: {body.get('description') or answer.status_code}"
        if "message is not modified" in told:
            raise NotModifiedError(told)
        if answer.status_code == _CONFLICT:
            raise ConflictError(told)
        raise (RefusedError if answer.status_code in _FINAL else UnavailableError)(told)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _posted(self, method: str, wait: timedelta, said: dict[str, Any]) -> httpx.Response:
        url = f"{self._url}/bot{self.token.get_secret_value()}/{method}"
        sent = {name: value for name, value in said.items() if value is not None}
        try:
            return await self._client.post(url, json=sent, timeout=(TIMEOUT + wait).total_seconds())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnavailableError(f"Telegram, {method}: {type(error).__name__}") from None


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _asked_to_wait(answer: httpx.Response) -> timedelta:
    parameters = _body(answer).get("parameters", {})
    return timedelta(seconds=int(parameters.get("retry_after", 1)))
