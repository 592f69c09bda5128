"""How updates come from Telegram: posted to a webhook, or asked for."""

import asyncio
import hmac
import json
from datetime import timedelta
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import SecretStr

from services.notifier.channels.messenger import RefusedError
from services.notifier.channels.telegram.bot import Bot, ConflictError
from services.notifier.channels.telegram.updates import ALLOWED, Updates
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

#: How long Telegram holds a request for updates open while there are none.
POLL: Final = timedelta(seconds=25)
# Another replica asks: it does so as long as it lives.
_TURN: Final = timedelta(seconds=5)
BODY_OCTETS: Final = 256 * 1024


async def poll(bot: Bot, updates: Updates, *, poll_for: timedelta = POLL) -> None:
    """Ask for updates for as long as this runs; of several replicas, one gets them."""
    after = 0
    await _without_webhook(bot)
    while True:
        try:
            found = await bot.call(
                "getUpdates",
                wait=poll_for,
                offset=after,
                timeout=int(poll_for.total_seconds()),
                allowed_updates=ALLOWED,
            )
        except ConflictError:
            await asyncio.sleep(_TURN.total_seconds())
            continue
        except (RefusedError, UnavailableError) as error:
            log.warning("loop.waiting", loop="telegram", reason=str(error))
            await asyncio.sleep(_TURN.total_seconds())
            continue
        for update in found or ():
            after = max(after, await updates.take(update) + 1)


def webhook(name: str, updates: Updates, *, secret: SecretStr) -> APIRouter:
    """The route that Telegram posts to, with a secret that it was given when it was told of it."""
    router = APIRouter()

    @router.post(f"/telegram/{name}")
    async def take(request: Request) -> Response:
        """One update."""
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        expected = secret.get_secret_value()
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
            log.warning("telegram.unsigned")
            return Response(status_code=401)
        update = await _json(request)
        if update is None:
            return Response(status_code=400)
        await updates.take(update)
        return Response(status_code=200)

    return router


async def register(bot: Bot, url: str, *, secret: SecretStr) -> None:
    """Tell Telegram where to post.

    Raises:
        UnavailableError: it does not answer.
    """
    try:
        await bot.call(
            "setWebhook",
            url=url,
            secret_token=secret.get_secret_value(),
            allowed_updates=ALLOWED,
        )
    except RefusedError as error:
        log.warning("telegram.no_webhook", reason=str(error))


async def _without_webhook(bot: Bot) -> None:
    """Telegram gives updates in one way only."""
    try:
        await bot.call("deleteWebhook")
    except (RefusedError, UnavailableError) as error:
        log.warning("telegram.unanswered", reason=str(error))


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_OCTETS:
            return None
    try:
        return json.loads(bytes(body))
    except ValueError:
        return None
