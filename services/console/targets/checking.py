"""Looks whether a target is there, from where the console runs, as ``target test`` does."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.console.api.problem import Refusal
from shared.config import load_config
from shared.settings import load_settings
from shared.store import Database
from shared.yamlsource import SourceError

log = structlog.get_logger(__name__)

#: So many looks at a time: each opens a connection, and may wait for long.
_AT_ONCE: Final = 4


class Checked(BaseModel):
    """What came of a look; `told` is the reason where it is not `ok`."""

    model_config = ConfigDict(frozen=True)

    target: str
    ok: bool
    told: str
    seconds: Annotated[float, Field(description="How long it took.")]


@dataclass(frozen=True)
class Checker:
    """Opens targets with their real credentials; each time anew, since an old link proves less."""

    config: Path | None
    home: Path
    keys: tuple[SecretStr | None, SecretStr | None]
    database: Database
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def check(self, name: str, limit: timedelta, *, by: str) -> Checked:
        """Have a look that changes nothing.

        Raises:
            Refusal: there is no such target, or handrail.yaml cannot be read.
            UnavailableError: the store does not answer.
        """
        async with self._room:
            began = time.monotonic()
            ok, told = await self._tried(name, limit, by)
            return Checked(
                target=name, ok=ok, told=told, seconds=round(time.monotonic() - began, 3)
            )

    async def _tried(self, name: str, limit: timedelta, by: str) -> tuple[bool, str]:
        # Connectors take a while to import, and only who checks a target needs them here.
        from shared.connectors.reach import reach  # noqa: PLC0415 heavy
        from shared.connectors.trying import tried  # noqa: PLC0415 heavy
        from shared.credentials.settings import CredentialSettings  # noqa: PLC0415 heavy

        secret_key, previous = self.keys
        known = {"secret_key": secret_key, "secret_key_previous": previous}
        settings = load_settings(CredentialSettings).model_copy(update=known)
        try:
            # Anew, since whose secrets were resolved once stay with who resolved them.
            config = await asyncio.to_thread(load_config, self.config)
        except SourceError as error:
            raise Refusal(503, f"handrail.yaml cannot be read: {error}") from None
        hands = reach(config, settings, self.home, self.database, by=f"check by {by}")
        await hands.look()
        if name not in hands.targets:
            raise Refusal(404, "there is no target of that name that can be used")
        try:
            outcome = await tried(name, hands.targets[name], hands.connectors, limit)
        finally:
            await hands.connectors.close()
        # That a credential was used is noted with the next look.
        await hands.look()
        return outcome.ok, hands.mask(outcome.told)
