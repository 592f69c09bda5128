"""Posts of JSON to other systems: what they answer decides between never and later."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpx

from services.notifier.channels.messenger import RefusedError
from shared.errors import UnavailableError

TIMEOUT: Final = timedelta(seconds=15)
#: What the other side says for good. That it does not take a credential is of these: somebody has
#: to put that right, and until then a message goes to whom it does reach.
_FINAL: Final = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 414, 415, 422})


class Http:
    """A client that follows nowhere; ``name`` stands in errors, in which no address is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._client = httpx.AsyncClient(timeout=TIMEOUT.total_seconds(), follow_redirects=False)

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta = TIMEOUT,  # noqa: ASYNC109 the client's own
    ) -> httpx.Response:
        """The answer, where it is a good one.

        Raises:
            RefusedError: trying again cannot help.
            UnavailableError: not now.
        """
        try:
            answer = await self._client.post(
                url,
                json=json,
                content=content,
                headers=headers,
                timeout=timeout.total_seconds(),
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The text may have the address, which may be a secret.
            raise UnavailableError(f"{self._name}: {type(error).__name__}") from None
        if answer.is_success:
            return answer
        kind = RefusedError if answer.status_code in _FINAL else UnavailableError
        raise kind(f"{self._name}: answered {answer.status_code}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
