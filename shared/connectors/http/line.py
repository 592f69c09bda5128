"""The line to one API: TLS as declared, addresses that were checked, redirects that stay there."""

import codecs
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from shared.config.targets.http import ApiTls, HttpTarget
from shared.connectors.http.egress import Resolve, checked_addresses
from shared.connectors.http.request import Request
from shared.connectors.protocol import TargetUnusableError
from shared.errors import PermanentError

#: Within the same origin, and only for what is safe.
REDIRECTS_MOST: Final = 5
#: More than this of an answer is not read.
BODY_MOST: Final = 64 * 1024 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SENDS: Final = ("send_request_headers.started", "send_connection_init.started")
_PORTS: Final = {"http": 80, "https": 443}


class StrayRedirectError(PermanentError):
    """The API sends on to another host, where nothing is sent."""


@dataclass
class Answer:
    """What came back; ``length`` counts the bytes of the body that were read."""

    status: int
    kind: str
    charset: str
    response: httpx.Response
    length: int = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        async for data in self.response.aiter_bytes():
            self.length += len(data)
            yield data
            if self.length > BODY_MOST:
                return


class Line:
    """Connections to one API; each request has its own, so that none meets one half closed."""

    def __init__(self, target: HttpTarget, resolve: Resolve | None = None) -> None:
        self._target = target
        self._resolve = resolve
        self._client: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def asked(self, request: Request, leaves: Callable[[], None]) -> AsyncIterator[Answer]:
        """The answer while its body is read; ``leaves`` is told before the first byte goes.

        Raises:
            httpx.HTTPError: there is none.
            ForbiddenAddressError: see there.
            TargetUnreachableError: the host's name has no address.
            TargetUnusableError: the certificates of the target cannot be used.
            StrayRedirectError: see there.
        """
        url = request.url
        for _ in range(REDIRECTS_MOST + 1):
            response = await self._sent(request, url, leaves)
            try:
                where = self._next(request, url, response)
                if where is None:
                    yield _answer(response)
                    return
            finally:
                await response.aclose()
            url = where
        raise StrayRedirectError(f"the API redirects more than {REDIRECTS_MOST} times")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _next(self, request: Request, url: str, response: httpx.Response) -> str | None:
        location: str | None = response.headers.get("location")
        if not request.safe or response.status_code not in _REDIRECTS or not location:
            return None
        where = urljoin(url, location)
        if _origin(where) != _origin(self._target.url):
            host = urlsplit(where).hostname
            raise StrayRedirectError(f"the API redirects to {host}: nothing is sent there")
        return where.partition("#")[0]

    async def _sent(self, request: Request, url: str, leaves: Callable[[], None]) -> httpx.Response:
        """The response to one request, from the first address that takes a connection."""
        _, host, port = _origin(url)
        addresses = await checked_addresses(
            host, port, allow_private=self._target.allow_private, resolve=self._resolve
        )
        for last, address in zip((*(False,) * (len(addresses) - 1), True), addresses, strict=True):
            try:
                return await self._sent_to(address, request, url, leaves)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if last:
                    raise
        raise httpx.ConnectError(f"no address of {host} takes a connection")

    async def _sent_to(
        self, address: str, request: Request, url: str, leaves: Callable[[], None]
    ) -> httpx.Response:
        async def trace(name: str, _info: Any) -> None:
            if name.endswith(_SENDS):
                leaves()

        _, host, port = _origin(url)
        there = httpx.URL(url).copy_with(host=address, port=port)
        netloc = urlsplit(url).netloc
        made = self._opened().build_request(
            request.method,
            there,
            headers={**request.headers, "host": netloc, "connection": "close"},
            content=request.body or None,
            extensions={"trace": trace, "sni_hostname": host},
        )
        return await self._opened().send(made, stream=True)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=_context(self._target.tls or ApiTls()),
                trust_env=False,
                follow_redirects=False,
                # The time limit of the whole job is kept around it.
                timeout=httpx.Timeout(None, connect=20.0),
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        return self._client


def _context(tls: ApiTls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
        if tls.certificate is not None:
            secret = tls.passphrase.read().get_secret_value() if tls.passphrase else ""
            context.load_cert_chain(tls.certificate, tls.key, lambda: secret)
    except (OSError, ssl.SSLError) as error:
        raise TargetUnusableError(f"the certificates of the target: {error}") from error
    return context


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _answer(response: httpx.Response) -> Answer:
    kind = response.headers.get("content-type", "")
    named = response.charset_encoding or "utf-8"
    try:
        codecs.lookup(named)
    except LookupError:
        named = "utf-8"
    return Answer(response.status_code, kind.partition(";")[0].strip(), named, response)
