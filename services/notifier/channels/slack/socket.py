"""Slack over a socket that Handrail opens, for those without a public address."""

import asyncio
import logging

import structlog
from pydantic import SecretStr
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from services.notifier.channels.slack.conversation import Conversation, Reply
from services.notifier.channels.slack.payload import (
    BadPayloadError,
    command_of,
    interaction_of,
)
from services.notifier.channels.slack.web import Web

log = structlog.get_logger(__name__)

# The library logs what it receives at a level that nobody sees.
_LIBRARY = logging.getLogger("slack_sdk.socket_mode")


class Socket:
    """Takes in what Slack sends while it runs; the library reconnects.

    Every replica may have one: Slack sends each envelope to one connection of the app.
    """

    def __init__(self, web: Web, conversation: Conversation, *, app_token: SecretStr) -> None:
        self._web = web
        self._conversation = conversation
        self._app_token = app_token

    async def run(self) -> None:
        """Be connected until cancelled."""
        client = SocketModeClient(
            app_token=self._app_token.get_secret_value(),
            web_client=self._web.client,
            logger=_LIBRARY,
        )
        client.socket_mode_request_listeners.append(self._received)
        try:
            await client.connect()  # type: ignore[no-untyped-call]
            await asyncio.Event().wait()
        finally:
            await client.close()  # type: ignore[no-untyped-call]

    async def _received(
        self, client: AsyncBaseSocketModeClient, request: SocketModeRequest
    ) -> None:
        try:
            reply = await self._answered(request)
        except BadPayloadError as error:
            log.warning("slack.unreadable", reason=str(error))
            reply = Reply()
        answer = SocketModeResponse(envelope_id=request.envelope_id, payload=reply.body)
        await client.send_socket_mode_response(answer)
        for task in reply.after:
            await task()

    async def _answered(self, request: SocketModeRequest) -> Reply:
        match request.type:
            case "interactive":
                return await self._conversation.interact(interaction_of(request.payload))
            case "slash_commands":
                return await self._conversation.command(command_of(request.payload))
        return Reply()
