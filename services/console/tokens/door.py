"""The door to the API: who has a token comes in, who guesses is kept out for a while."""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from fastapi import Request

from services.console.api.problem import Refusal
from services.console.tokens.token import Caller, Role, Token, Written
from shared.visitors import Counts, address_of

#: How many wrong tokens an address may try in a window.
WRONG_TOKENS: Final = 30
WINDOW: Final = timedelta(minutes=1)

_CHALLENGE: Final = 'Bearer realm="handrail"'
_SCHEME: Final = "bearer"
#: What a token that is not there is compared with, so that it takes as long.
_NOBODY: Final = "0" * 64


class Tokens(Protocol):
    """See ``tokens.store.MongoTokens``."""

    async def get(self, token_id: str) -> Token | None: ...
    async def used(self, token: Token, now: datetime) -> None: ...


class Door:
    """Lets in who shows a token that counts.

    From this machine, where a proxy may hide who comes, good tokens are let in however many wrong
    ones came.
    """

    def __init__(self, tokens: Tokens, now: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._now = now
        self._wrong = Counts(WINDOW, now)

    async def admitted(self, request: Request, needed: Role) -> Caller:
        """Who asks.

        Raises:
            Refusal: nobody whom it is allowed.
            UnavailableError: the store does not answer.
        """
        address = address_of(request)
        if address and self._wrong.of(address) >= WRONG_TOKENS:
            raise self._too_often()
        token = await self._shown(request)
        if token is None:
            raise self._stranger(address)
        await self._tokens.used(token, self._now())
        if not token.role.covers(needed):
            challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{needed}"'
            detail = f"the token {token.name} is of a {token.role}, and this needs {needed}"
            raise Refusal(403, detail, headers={"WWW-Authenticate": challenge})
        host = request.client.host if request.client else ""
        return Caller(token.name, token.role, token.id, host)

    async def _shown(self, request: Request) -> Token | None:
        """The token that a request shows, if it counts."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != _SCHEME:
            raise Refusal(
                401,
                "a token is needed: `Authorization: Bearer hrt_…`, of `handrail token add`",
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        written = Written.of(text.strip())
        if written is None:
            return None
        kept = await self._tokens.get(written.id)
        is_same = hmac.compare_digest(kept.digest if kept else _NOBODY, written.digest)
        return kept if kept is not None and is_same and kept.counts(self._now()) else None

    def _stranger(self, address: str) -> Refusal:
        if self._wrong.add(address) > WRONG_TOKENS:
            return self._too_often()
        challenge = f'{_CHALLENGE}, error="invalid_token"'
        # One answer, whether it never was, is revoked or has expired.
        return Refusal(401, "this token does not count", headers={"WWW-Authenticate": challenge})

    def _too_often(self) -> Refusal:
        again = {"Retry-After": str(self._wrong.seconds_left)}
        return Refusal(429, "too many wrong tokens came from there: wait a minute", headers=again)
