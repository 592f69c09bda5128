"""Slack's Web API: one client, its limits honoured, its errors told apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from services.notifier.channels.messenger import RefusedError
from shared.errors import UnavailableError

API_URL: Final = "https://slack.com/api/"
TIMEOUT: Final = timedelta(seconds=15)
# A refusal to wait any longer is an outage, and the bus redelivers.
_RETRIES: Final = 3

#: What will not get better by itself, nor by setting the app up anew.
_FINAL: Final = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "user_not_found",
        "users_not_found",
        "user_disabled",
        "cannot_dm_bot",
        "invalid_blocks",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "restricted_action",
        "restricted_action_thread_only_channel",
        "messages_tab_disabled",
        "expired_trigger_id",
        "trigger_expired",
        "exchanged_trigger_id",
        "invalid_trigger_id",
    }
)


class MissingScopeError(UnavailableError):
    """The app may not do this; an administrator of the workspace can allow it."""


@dataclass(frozen=True)
class Credentials:
    """The app in Slack: its bot's token, and where the API is."""

    bot_token: SecretStr
    api_url: str = API_URL


class Web:
    """Calls methods of the Web API; opens its connections with the first call."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """What a method answers.

        Raises:
            RefusedError: trying again cannot help.
            UnavailableError: not now, or not before the app is set up in another way.
        """
        return await self._called(method, "POST", json=_without_none(arguments))

    async def read(self, method: str, **arguments: str | int | bool) -> Mapping[str, Any]:
        """What a method that only reads answers; those take no JSON. See ``call``."""
        return await self._called(method, "GET", params=arguments)

    async def _called(self, method: str, verb: str, **sent: Any) -> Mapping[str, Any]:
        try:
            answer = await self.client.api_call(method, http_verb=verb, **sent)
        except SlackApiError as error:
            raise _judged(method, error) from error
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"Slack, {method}: {type(error).__name__}") from error
        return answer.data if isinstance(answer.data, dict) else {}

    @property
    def client(self) -> AsyncWebClient:
        """The library's client, over connections that are kept."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT.total_seconds())
            )
        return AsyncWebClient(
            token=self._credentials.bot_token.get_secret_value(),
            base_url=self._credentials.api_url,
            timeout=int(TIMEOUT.total_seconds()),
            session=self._session,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=_RETRIES)],
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _judged(method: str, error: SlackApiError) -> RefusedError | UnavailableError:
    # Its own text has all of the answer, and an answer may have what was sent.
    data = error.response.data if hasattr(error.response, "data") else error.response
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    told = f"Slack, {method}: {code or getattr(error.response, 'status_code', 'no answer')}"
    if code == "missing_scope":
        return MissingScopeError(told)
    return RefusedError(told) if code in _FINAL else UnavailableError(told)


def _without_none(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
