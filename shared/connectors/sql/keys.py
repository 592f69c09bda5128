"""The keys of steps: taken with the work that they name, and asked what became of it."""

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.connectors.protocol import Job, TargetUnreachableError, TargetUnusableError
from shared.connectors.sql import ledger
from shared.connectors.sql.dialect import Dialect, Trouble, mark_of
from shared.connectors.sql.session import Sessions, StatementError


class Keys:
    """The keys in one database; none are kept where that is not wanted, or not possible."""

    def __init__(self, sessions: Sessions, dialect: Dialect, *, wanted: bool) -> None:
        self._sessions = sessions
        self._dialect = dialect
        self._wanted = wanted
        self._recorded = False

    @property
    def are_recorded(self) -> bool:
        """Whether keys are kept, as far as somebody has asked for that."""
        return self._recorded

    async def kept(self) -> bool:
        """Whether keys are kept; a table that is not there may be made by somebody any time."""
        if self._wanted and not self._recorded:
            async with self._sessions.opened() as conn, self._sessions.told():
                self._recorded = await ledger.is_there(conn)
        return self._recorded

    async def sweep(self, before: datetime) -> int:
        """Forget what ended before a time; how many keys that were."""
        count = 0
        async with self._sessions.opened() as conn, self._sessions.told():
            while found := await ledger.forget(conn, before):
                count += found
                if found < ledger.FORGET_AT_ONCE:
                    break
        return count

    async def taken(self, conn: AsyncConnection, key: str, state: str = ledger.BEGUN) -> bool:
        """Take a key in the connection's transaction; false where it is taken already."""
        try:
            async with self._sessions.told():
                await ledger.begin(conn, key, state)
        except StatementError as error:
            if error.trouble is Trouble.TAKEN:
                return False
            raise
        return True

    async def known(self, job: Job) -> ledger.Entry | None:
        """What is known of a job, as soon as nobody is at it any more; the key stays free."""
        return await self.entered(job.key, None, job.timeout)

    async def entered(self, key: str, state: str | None, limit: timedelta) -> ledger.Entry | None:
        """What was known of a key; where that is nothing, it is entered in this state, if any."""
        until = monotonic() + limit.total_seconds()
        while True:
            try:
                return await self._entered_once(key, state, limit)
            except StatementError as error:
                if error.trouble is Trouble.STATEMENT:
                    raise TargetUnusableError(f"{ledger.TABLE}: {error}") from error
                if error.trouble is not Trouble.BUSY or monotonic() > until:
                    reason = f"another run has the key of the step: {error}"
                    raise TargetUnreachableError(reason, may_have_started=True) from error
                await asyncio.sleep(0.1)

    async def _entered_once(
        self, key: str, state: str | None, limit: timedelta
    ) -> ledger.Entry | None:
        # Not under the step's own mark: this waits for whoever has that.
        mark = mark_of(uuid4().hex)
        async with self._sessions.opened() as conn:

            async def work() -> bool:
                async with self._sessions.told():
                    await self._dialect.prepared(conn, mark, limit)
                    free = await self.taken(conn, key, state or ledger.BEGUN)
                    if free and state is not None:
                        await conn.commit()
                    else:
                        await conn.rollback()
                    return free

            if await self._sessions.within(work(), limit, mark):
                return None
            async with self._sessions.told():
                return await ledger.entry(conn, key)
