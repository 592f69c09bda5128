"""What Slack posts to: buttons, modals and slash commands, with a signature on each request."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.background import BackgroundTasks

from services.notifier.channels.slack.conversation import Conversation, Reply
from services.notifier.channels.slack.payload import (
    BadPayloadError,
    command_in,
    interaction_in,
)
from services.notifier.channels.slack.signature import signed

log = structlog.get_logger(__name__)

#: A button comes with the whole message that it is in.
BODY_OCTETS: Final = 512 * 1024


def slack_routes(
    conversation: Conversation, *, secret: SecretStr, now: Callable[[], datetime]
) -> APIRouter:
    """The routes; a request that Slack did not sign, or long ago, learns nothing."""
    router = APIRouter()

    async def answered(request: Request, answer: Callable[[bytes], Awaitable[Reply]]) -> Response:
        body = await _body(request)
        if body is None or not signed(
            body,
            timestamp=request.headers.get("x-slack-request-timestamp", ""),
            signature=request.headers.get("x-slack-signature", ""),
            secret=secret,
            now=now(),
        ):
            log.warning("slack.unsigned", path=request.url.path)
            return Response(status_code=401)
        try:
            return _response(await answer(body))
        except BadPayloadError as error:
            log.warning("slack.unreadable", reason=str(error))
            return Response(status_code=400)

    @router.post("/slack/interactions")
    async def interactions(request: Request) -> Response:
        """A button was pressed, or a modal sent off."""
        return await answered(request, lambda body: conversation.interact(interaction_in(body)))

    @router.post("/slack/commands")
    async def commands(request: Request) -> Response:
        """Somebody typed `/handrail`."""
        return await answered(request, lambda body: conversation.command(command_in(body)))

    return router


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_OCTETS:
            return None
    return bytes(body)


def _response(reply: Reply) -> Response:
    after = BackgroundTasks()
    for task in reply.after:
        after.add_task(task)
    if reply.body is None:
        return Response(status_code=200, background=after)
    return JSONResponse(reply.body, background=after)
