"""Tells at the end of quiet hours what was held over them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from services.notifier.channels.telling import Teller
from services.notifier.outcomes.store import Holding
from shared.bus import Publish
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

#: How many are told in one look.
_BATCH: Final = 200


@dataclass(frozen=True)
class Release:
    """Tells what was held, each once, also after a crash."""

    holding: Holding
    teller: Teller
    now: Callable[[], datetime]

    async def look(self, publish: Publish) -> None:
        """Tell what is due; what could not be sent is tried again in a minute.

        Raises:
            UnavailableError: the store does not answer.
        """
        for _ in range(_BATCH):
            held = await self.holding.take(self.now())
            if held is None:
                return
            try:
                await self.teller.send(held.event, held.to, publish, since=held.until)
            except UnavailableError as error:
                log.warning("news.delayed", reason=str(error), event_id=str(held.event.id))
                continue
            await self.holding.done(held.event.id)
