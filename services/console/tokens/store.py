"""API tokens in MongoDB: their hashes, and who made and used them when."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

from pymongo.errors import DuplicateKeyError

from services.console.tokens.token import NoTokenError, Role, Token, TokenExistsError
from shared.store import RELAXED, SCHEMA, Database, Document, seam

#: A use is noted once in this time, so that using a token is no write.
NOTED_AGAIN: Final = timedelta(minutes=1)
_FIELDS: Final = frozenset(field.name for field in fields(Token))


@seam
class MongoTokens:
    """Revoked ones stay: what was done with them names them. A name may be given again then."""

    def __init__(self, db: Database) -> None:
        self._tokens = db.get_collection("api_tokens")
        self._uses = db.get_collection("api_tokens", write_concern=RELAXED)

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await self._tokens.create_index("live_name", unique=True, sparse=True, name="live_name")

    async def add(self, token: Token) -> None:
        """Keep a new one.

        Raises:
            TokenExistsError: there is one of that name that is not revoked.
        """
        said = {name: value for name, value in vars(token).items() if name != "id"}
        document = {"_id": token.id, **said, "live_name": token.name, "schema": SCHEMA}
        try:
            await self._tokens.insert_one({**document, "role": token.role.value})
        except DuplicateKeyError:
            raise TokenExistsError(token.name) from None

    async def revoke(self, name: str, *, by: str, now: datetime) -> None:
        """Let it in no more, from the next request on.

        Raises:
            NoTokenError: there is none of that name, or it is revoked.
        """
        change = {"$set": {"revoked_at": now, "revoked_by": by}, "$unset": {"live_name": ""}}
        if not (await self._tokens.update_one({"live_name": name}, change)).matched_count:
            raise NoTokenError(name)

    async def get(self, token_id: str) -> Token | None:
        found = await self._tokens.find_one({"_id": token_id})
        return None if found is None else _token(found)

    async def used(self, token: Token, now: datetime) -> None:
        """Note that it was used, unless that was noted a moment ago."""
        if token.used_at is None or now - token.used_at >= NOTED_AGAIN:
            await self._uses.update_one({"_id": token.id}, {"$max": {"used_at": now}})

    async def all(self) -> list[Token]:
        """All that there ever were, the newest first."""
        return [_token(each) async for each in self._tokens.find().sort("created_at", -1)]


def _token(found: Document) -> Token:
    said = {name: value for name, value in found.items() if name in _FIELDS}
    return Token(**{**said, "id": found["_id"], "role": Role(found["role"])})
