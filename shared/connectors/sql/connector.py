"""Hands on a database: each step's key is recorded in the transaction that does its work.

Where a database or a statement cannot do that (it commits by itself), the key is recorded before,
and what became of a statement whose end nobody recorded is unknown.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final
from uuid import uuid4

import stamina
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.config.targets.sql import Engine, SqlTarget
from shared.connectors.protocol import (
    Chunk,
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    Stream,
    TargetUnreachableError,
)
from shared.connectors.sql import ledger
from shared.connectors.sql.dialect import Dialect, Trouble, mark_of
from shared.connectors.sql.keys import Keys
from shared.connectors.sql.mysql import Mysql
from shared.connectors.sql.postgres import Postgres
from shared.connectors.sql.rows import Rows
from shared.connectors.sql.session import Sessions, StatementError
from shared.connectors.sql.sqlite import Sqlite
from shared.connectors.sql.statement import Statement, statements
from shared.connectors.transcript import CHUNK_MOST
from shared.errors import HandrailError
from shared.lifecycle import Effect

log = structlog.get_logger(__name__)

#: How long a lost connection is mended beyond the statement's own time.
MEND: Final = timedelta(seconds=30)
#: A step that is cancelled may hold its key until its transaction was taken back.
VOID_WAIT: Final = timedelta(seconds=15)
#: Keys of steps that ended are removed after this: sessions that could ask for them are long over.
KEEP_KEYS: Final = timedelta(days=30)
#: How often it is looked whether there are any.
SWEEP: Final = timedelta(days=1)
_SWEEP_WAIT: Final = timedelta(seconds=1)
_DIALECTS: Final[dict[Engine, type[Postgres | Mysql | Sqlite]]] = {
    Engine.POSTGRESQL: Postgres,
    Engine.MYSQL: Mysql,
    Engine.MARIADB: Mysql,
    Engine.SQLITE: Sqlite,
}
_UNRECORDED: Final = (
    f"whether the statement ran is not known: the database keeps no table {ledger.TABLE}"
)
_BEGUN: Final = (
    "the statement was begun and its end was not recorded: it commits by itself, so that nobody "
    "can say whether it ran"
)


class SqlConnector:
    """One database. A step's text is a statement with its values below it."""

    def __init__(self, target: SqlTarget) -> None:
        self._target = target
        self._dialect: Dialect = _DIALECTS[target.engine]()
        self._sessions = Sessions(target, self._dialect)
        self._keys = Keys(self._sessions, self._dialect, wanted=target.record)
        self._sweeping: asyncio.Task[None] | None = None
        self._sweep_at = 0.0

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        """Run a statement; a lost connection is mended wherever running it again is no second run.

        Raises:
            StatementRefusedError: the text is not what may be run.
            MalformedStatementError: see there.
        """
        found = statements(job.command, several=self._target.several)
        sent, until = False, monotonic() + job.timeout.total_seconds()

        def mended(error: Exception) -> bool:
            unreachable = isinstance(error, TargetUnreachableError)
            return unreachable and (sent or monotonic() < until)

        async for attempt in stamina.retry_context(
            on=mended,
            attempts=None,
            timeout=job.timeout + MEND,
            wait_initial=0.1,
            wait_max=5.0,
        ):
            with attempt:
                try:
                    outcome = await self._ran(job, found)
                except TargetUnreachableError as error:
                    sent = sent or error.may_have_started
                    error.may_have_started = sent
                    raise
        await _passed_on(outcome, on_output)
        self._sweep_now_and_then()
        return outcome

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        if job.effect is Effect.READ_ONLY:
            return None
        if not await self._keys.kept():
            return Lost(_UNRECORDED) if job.effect is Effect.ONCE else None
        known = await self._keys.known(job)
        if known is None:
            return None
        if known.ended is None:
            return Lost(_BEGUN) if job.effect is Effect.ONCE else None
        await _passed_on(known.ended, on_output)
        return known.ended

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept by the database
        found = statements(command, several=False)
        async for attempt in stamina.retry_context(
            on=TargetUnreachableError, attempts=None, timeout=timeout, wait_jitter=0.2
        ):
            with attempt:
                rows = await self._rows_of_looking(found, timeout, mark_of(uuid4().hex))
        if isinstance(rows, Ended):
            return rows
        return Ended(0 if rows.holds else 1, rows.written(), rows.told())

    async def dry_run(self, job: Job) -> DryRun | None:
        """How the database would do it; the statement itself is never run for that."""
        found = statements(job.command, several=self._target.several)
        if not all(statement.explainable for statement in found):
            return None
        explained = tuple(map(self._dialect.explained, found))
        mark = mark_of(uuid4().hex)
        # Not in a transaction that cannot write: there MariaDB explains no changes.
        try:
            rows = await self._looked_once(explained, job.timeout, mark, may_write=True)
        except StatementError as error:
            return DryRun(f"it would fail: {error}")
        return DryRun(rows.written())

    async def cancel(self, key: str) -> bool:
        was_running = await self._sessions.end(mark_of(key))
        if not await self._keys.kept():
            return was_running
        try:
            known = await self._keys.entered(key, ledger.VOID, VOID_WAIT)
        except TargetUnreachableError:
            return False
        return known is None or known.ended is not None or was_running

    async def close(self) -> None:
        if self._sweeping is not None:
            await asyncio.wait({self._sweeping}, timeout=_SWEEP_WAIT.total_seconds())
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self._sessions.close()

    def _sweep_now_and_then(self) -> None:
        if self._keys.are_recorded and monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + SWEEP.total_seconds()
            self._sweeping = asyncio.create_task(self._sweep(), name="keys")

    async def _sweep(self) -> None:
        try:
            count = await self._keys.sweep(datetime.now(UTC) - KEEP_KEYS)
        except (HandrailError, StatementError) as error:
            # They lie there for another day.
            log.info("keys.not_swept", reason=str(error))
        else:
            if count:
                log.info("keys.swept", count=count)

    # -- ways to run -----------------------------------------------------------------------------

    async def _ran(self, job: Job, found: tuple[Statement, ...]) -> Ended | Lost:
        if job.effect is Effect.READ_ONLY:
            return await self._looked(found, job.timeout, mark_of(job.key))
        if not await self._keys.kept():
            return await self._unrecorded(job, found)
        if all(map(self._dialect.atomic, found)) and not await self._loose(found):
            return await self._atomic(job, found)
        return await self._alone(job, found)

    async def _loose(self, found: tuple[Statement, ...]) -> bool:
        """Whether a statement may change a table in which no change can be taken back."""
        if not self._dialect.has_loose_tables:
            return False
        async with self._sessions.opened() as conn, self._sessions.told():
            return await self._dialect.is_loose(conn, [one.bound.text for one in found])

    async def _atomic(self, job: Job, found: tuple[Statement, ...]) -> Ended:
        """Statement and key in one transaction: whatever is lost, the key tells."""
        mark = mark_of(job.key)
        async with self._sessions.opened() as conn:

            async def work() -> Ended | None:
                async with self._sessions.told():
                    await self._dialect.prepared(conn, mark, job.timeout)
                    if not await self._keys.taken(conn, job.key):
                        return None
                    ended = _ended(await self._executed(conn, found))
                    await ledger.end(conn, job.key, ended)
                    await conn.commit()
                    return ended

            try:
                ended = await self._sessions.within(work(), job.timeout, mark)
            except StatementError as error:
                return _failed(error)
        if ended is not None:
            return ended
        known = await self._keys.known(job)
        return known.ended if known and known.ended else _failed_key()

    async def _alone(self, job: Job, found: tuple[Statement, ...]) -> Ended | Lost:
        """The key first, then a statement that commits by itself."""
        known = await self._keys.entered(job.key, ledger.BEGUN, job.timeout)
        if known is not None and known.ended is not None:
            return known.ended
        if known is not None and job.effect is Effect.ONCE:
            return Lost(_BEGUN)
        outcome = await self._unrecorded(job, found)
        if isinstance(outcome, Ended):
            async with self._sessions.opened() as conn, self._sessions.told():
                await ledger.end(conn, job.key, outcome)
                await conn.commit()
        return outcome

    async def _unrecorded(self, job: Job, found: tuple[Statement, ...]) -> Ended | Lost:
        mark = mark_of(job.key)
        autocommit = not all(map(self._dialect.atomic, found))
        try:
            async with self._sessions.opened(autocommit=autocommit) as conn:

                async def work() -> Ended:
                    async with self._sessions.told():
                        await self._dialect.prepared(conn, mark, job.timeout)
                        ended = _ended(await self._executed(conn, found))
                        await conn.commit()
                        return ended

                return await self._sessions.within(work(), job.timeout, mark)
        except StatementError as error:
            return _failed(error)
        except TargetUnreachableError as error:
            if error.may_have_started and job.effect is Effect.ONCE:
                return Lost(f"{error}: what the statement did is not known")
            raise

    async def _looked(self, found: tuple[Statement, ...], limit: timedelta, mark: str) -> Ended:
        rows = await self._rows_of_looking(found, limit, mark)
        return rows if isinstance(rows, Ended) else _ended(rows)

    async def _rows_of_looking(
        self, found: tuple[Statement, ...], limit: timedelta, mark: str
    ) -> Rows | Ended:
        """In a transaction that cannot write."""
        for statement in found:
            statement.only_looks()
        try:
            return await self._looked_once(found, limit, mark)
        except StatementError as error:
            return _failed(error)

    async def _looked_once(
        self, found: tuple[Statement, ...], limit: timedelta, mark: str, *, may_write: bool = False
    ) -> Rows:
        async with self._sessions.opened() as conn:

            async def work() -> Rows:
                async with self._sessions.told():
                    await self._dialect.prepared(conn, mark, limit)
                    if not may_write:
                        await self._dialect.only_looking(conn)
                    return await self._executed(conn, found)

            return await self._sessions.within(work(), limit, mark)

    async def _executed(self, conn: AsyncConnection, found: tuple[Statement, ...]) -> Rows:
        """All statements; the result is the last one's."""
        rows = Rows()
        for statement in found:
            rows = await self._dialect.executed(conn, statement, self._target.rows)
        return rows


def _ended(rows: Rows) -> Ended:
    return Ended(0, rows.written(), rows.told())


def _failed(error: StatementError) -> Ended:
    if error.trouble is Trouble.CANCELLED:
        return Ended(143, "", "it was ended, and what it did was taken back", cancelled=True)
    timed_out = error.trouble is Trouble.TIMED_OUT
    said = f"{error}; what it did was taken back" if timed_out else str(error)
    return Ended(1, "", said, timed_out=timed_out)


def _failed_key() -> Ended:
    return Ended(1, "", "the key of the step was taken by a run that was taken back: try again")


async def _passed_on(outcome: Ended | Lost, on_output: OnOutput | None) -> None:
    if on_output is None:
        return
    for stream, text in ((Stream.STDOUT, outcome.stdout), (Stream.STDERR, outcome.stderr)):
        data = text.encode()
        for at in range(0, len(data), CHUNK_MOST):
            piece = data[at : at + CHUNK_MOST].decode(errors="replace")
            await on_output(Chunk(stream, at, piece))
