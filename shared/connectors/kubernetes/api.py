"""Requests to the Kubernetes API, and what its answers mean.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import stamina

from shared.connectors.kubernetes.access import Access, Session
from shared.connectors.protocol import (
    LoginRefusedError,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.underway import CallRefusedError

#: For so long a cluster that does not answer is asked again.
PATIENCE: Final = timedelta(seconds=60)
JSON: Final = "application/json"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"
JSON_PATCH: Final = "application/json-patch+json"

_ANSWER: Final = aiohttp.ClientTimeout(total=30, sock_connect=10)
_STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=330)


class NotFoundError(CallRefusedError):
    """The cluster has no such object."""


class ConflictError(CallRefusedError):
    """Somebody else changed or manages this; ``causes`` are the fields, where it is said."""

    def __init__(self, message: str, causes: tuple[Mapping[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes


class BlockedError(CallRefusedError):
    """Not now: a disruption budget lets no more pods go."""


@dataclass(frozen=True)
class Request:
    """One request; ``body`` is sent as JSON."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content: str = JSON

    @property
    def writes(self) -> bool:
        return self.method != "GET"


class Api:
    """The API of one cluster."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        return await self.send(Request("GET", path, query))

    async def send(self, request: Request) -> dict[str, Any]:
        """The answer's object. A request that may have got lost is sent again.

        That is right for all that is sent here: what is said twice with the same key is done once.

        Raises:
            CallRefusedError: the cluster does not do it; see also the errors derived from it.
            LoginRefusedError: see there.
            TargetUnusableError: see there.
            TargetUnreachableError: no answer for ``PATIENCE``.
        """
        begun = False
        async for attempt in stamina.retry_context(
            on=TargetUnreachableError, attempts=None, timeout=PATIENCE, wait_max=5.0
        ):
            with attempt:
                try:
                    return await self._once(request)
                except TargetUnreachableError as error:
                    begun = error.may_have_started = begun or error.may_have_started
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def text(self, path: str, query: Mapping[str, str]) -> bytes:
        """An answer that is no object, such as a log."""
        async with self._answered(Request("GET", path, query), _ANSWER) as response:
            return await response.read()

    async def events(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """The events of a watch, until the server ends it."""
        async with self._answered(Request("GET", path, query), _STREAM) as response:
            rest = b""
            async for data in response.content.iter_any():
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield json.loads(line)

    @asynccontextmanager
    async def socket(
        self, path: str, query: list[tuple[str, str]], protocols: tuple[str, ...]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A websocket. Never tried twice.

        Raises:
            CallRefusedError: the cluster does not open it.
            TargetUnreachableError: it could not be reached; nothing was begun.
        """
        session = await self._access.session()
        try:
            opened = session.http.ws_connect(
                session.url(path),
                params=query,
                headers=await session.headers(),
                protocols=protocols,
                heartbeat=20,
                max_msg_size=0,
                **session.options(),
            )
            socket = await opened
        except aiohttp.WSServerHandshakeError as error:
            raise _refusal(error.status, {"message": error.message}, writes=False) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(error, may_have_started=False) from error
        try:
            yield socket
        finally:
            await socket.close()

    async def _once(self, request: Request) -> dict[str, Any]:
        async with self._answered(request, _ANSWER) as response:
            found: dict[str, Any] = await response.json(content_type=None)
            return found

    @asynccontextmanager
    async def _answered(
        self, request: Request, limit: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        session = await self._access.session()
        try:
            async with await self._sent(session, request, limit) as response:
                if not response.ok or response.history:
                    said = await _status(response)
                    raise _refusal(response.status, said, writes=request.writes)
                yield response
        except aiohttp.ClientConnectorError as error:
            raise _unreachable(error, may_have_started=False) from error
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
            raise _unreachable(error, may_have_started=request.writes) from error

    async def _sent(
        self, session: Session, request: Request, limit: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        response = await _send(session, request, limit)
        if response.status != HTTPStatus.UNAUTHORIZED:
            return response
        # A token that has run out: what is refused so was not done.
        response.release()
        await self._access.renew(session)
        return await _send(await self._access.session(), request, limit)


async def _send(
    session: Session, request: Request, limit: aiohttp.ClientTimeout
) -> aiohttp.ClientResponse:
    headers = {**await session.headers(), "Accept": JSON, "User-Agent": "handrail"}
    data = None
    if request.body is not None:
        headers["Content-Type"] = request.content
        data = json.dumps(request.body).encode()
    return await session.http.request(
        request.method,
        session.url(request.path),
        params=dict(request.query),
        headers=headers,
        data=data,
        timeout=limit,
        allow_redirects=False,
        **session.options(),
    )


async def _status(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """What an answer says of itself (``meta/v1 Status``)."""
    try:
        said = await response.json(content_type=None)
    except (json.JSONDecodeError, UnicodeDecodeError):
        said = None
    return said if isinstance(said, dict) else {"message": response.reason or ""}


def _refusal(status: int, said: Mapping[str, Any], *, writes: bool) -> Exception:
    message = str(said.get("message", ""))
    if status == HTTPStatus.UNAUTHORIZED:
        return LoginRefusedError("the cluster does not accept the credentials")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # 503 says that it was not even begun.
        begun = writes and status != HTTPStatus.SERVICE_UNAVAILABLE
        return TargetUnreachableError(f"the cluster failed: {message}", may_have_started=begun)
    return _refused(status, said, message)


def _refused(status: int, said: Mapping[str, Any], message: str) -> Exception:
    match status:
        case 403:
            return CallRefusedError(f"the cluster forbids it: {message}")
        case 404:
            return NotFoundError(f"the cluster has no such thing: {message}")
        case 409:
            details = said.get("details") or {}
            return ConflictError(message, tuple(details.get("causes") or ()))
        case 429 if _is_budget(said):
            return BlockedError(message)
        case 429:
            reason = f"the cluster is busy: {message}"
            return TargetUnreachableError(reason, may_have_started=False)
    return CallRefusedError(f"the cluster refuses it ({status}): {message}")


def _is_budget(said: Mapping[str, Any]) -> bool:
    causes = (said.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "DisruptionBudget" for cause in causes)


def _unreachable(error: Exception, *, may_have_started: bool) -> Exception:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError):
        return TargetUnusableError(f"the cluster's certificate is not trusted: {error}")
    said = str(error) or type(error).__name__
    if isinstance(error, asyncio.TimeoutError):
        said = "no answer in time"
    return TargetUnreachableError(
        f"the cluster does not answer: {said}", may_have_started=may_have_started
    )
