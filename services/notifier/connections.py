"""A few connections to a mail server that are kept open between mails."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from aiosmtplib import SMTP, SMTPException, SMTPHeloError

from services.notifier.channels.messenger import RefusedError

#: How many mails are handed in at the same time.
MOST: Final = 4
#: How long a connection without mails is kept; many servers end it themselves after a minute.
IDLE: Final = timedelta(seconds=20)
# A connection that was used this recently is not asked first whether it still stands.
_FRESH: Final = 1.0


class Connections:
    """At most ``MOST`` connections, each used by one mail at a time."""

    def __init__(self, connection: Callable[[], SMTP]) -> None:
        self._new = connection
        self._room = asyncio.Semaphore(MOST)
        self._idle: list[tuple[float, SMTP]] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[SMTP]:
        """A connection that stands; it is kept unless something went wrong on it.

        Raises:
            SMTPException, OSError: none could be made.
        """
        async with self._room:
            smtp = await self._kept() or await self._made()
            try:
                yield smtp
            except RefusedError:
                # That was an answer: the connection is well.
                self._keep(smtp)
                raise
            except BaseException:
                smtp.close()
                raise
            self._keep(smtp)

    async def tidy(self) -> None:
        """Close what nobody has used for a while."""
        oldest = time.monotonic() - IDLE.total_seconds()
        late = [smtp for since, smtp in self._idle if since < oldest]
        self._idle = [kept for kept in self._idle if kept[0] >= oldest]
        for smtp in late:
            await _goodbye(smtp)

    async def close(self) -> None:
        """Close all that are idle."""
        idle, self._idle = self._idle, []
        for _, smtp in idle:
            await _goodbye(smtp)

    async def _kept(self) -> SMTP | None:
        while self._idle:
            since, smtp = self._idle.pop()
            if await _stands(smtp, since):
                return smtp
            smtp.close()
        return None

    async def _made(self) -> SMTP:
        smtp = self._new()
        await smtp.connect()
        if not smtp.esmtp_extensions:
            # Very old servers know only HELO, which is said with the first mail.
            with suppress(SMTPHeloError):
                await smtp.ehlo()
        return smtp

    def _keep(self, smtp: SMTP) -> None:
        if smtp.is_connected:
            self._idle.append((time.monotonic(), smtp))


async def _stands(smtp: SMTP, since: float) -> bool:
    if not smtp.is_connected:
        return False
    if time.monotonic() - since < _FRESH:
        return True
    try:
        await smtp.noop()
    except (SMTPException, OSError):
        return False
    return True


async def _goodbye(smtp: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await smtp.quit()
    smtp.close()
