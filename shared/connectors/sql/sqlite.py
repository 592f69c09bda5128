"""SQLite, through aiosqlite: a file on the machine that the executor runs on."""

import sqlite3
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

import aiosqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.config.targets.sql import SqlTarget
from shared.connectors.sql.dialect import Trouble, driver_of
from shared.connectors.sql.rows import Rows
from shared.connectors.sql.statement import Statement
from shared.runbook.sql import Bound

_ALONE: Final = frozenset(("VACUUM", "ATTACH", "DETACH", "PRAGMA"))


class Sqlite:
    """See ``Dialect``. What runs can be ended only by the process that runs it."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    has_loose_tables = False

    def __init__(self) -> None:
        self._marked: WeakValueDictionary[str, aiosqlite.Connection] = WeakValueDictionary()

    def url(self, target: SqlTarget, password: str | None) -> URL:  # noqa: ARG002 a file has none
        # A file that is not there is a mistake, not an empty database.
        return URL.create(
            "sqlite+aiosqlite",
            database=f"file:{target.database}",
            query={"mode": "rw", "uri": "true"},
        )

    def arguments(self, target: SqlTarget) -> dict[str, Any]:  # noqa: ARG002 for all the same
        return {}

    def trouble(self, error: BaseException) -> Trouble:
        if isinstance(error, SQLAlchemyError):
            error = getattr(error, "orig", None) or error
        said = str(error)
        if "UNIQUE constraint failed: handrail_steps" in said:
            return Trouble.TAKEN
        if "locked" in said:
            return Trouble.BUSY
        if "interrupted" in said:
            return Trouble.CANCELLED
        return Trouble.GONE if "unable to open" in said else Trouble.STATEMENT

    def atomic(self, statement: Statement) -> bool:
        return statement.verb not in _ALONE

    async def is_loose(self, conn: AsyncConnection, texts: Iterable[str]) -> bool:  # noqa: ARG002 it has none
        return False

    async def prepared(self, conn: AsyncConnection, mark: str, limit: timedelta) -> None:
        milliseconds = max(1, round(limit.total_seconds() * 1000))
        await conn.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
        self._marked[mark] = await driver_of(conn)

    async def only_looking(self, conn: AsyncConnection) -> None:
        await conn.exec_driver_sql("PRAGMA query_only = ON")

    async def executed(self, conn: AsyncConnection, statement: Statement, most: int) -> Rows:
        driver: aiosqlite.Connection = await driver_of(conn)
        cursor = await driver.execute(statement.bound.text, dict(statement.bound.values))
        try:
            if cursor.description:
                columns = [column[0] for column in cursor.description]
                return Rows.capped(columns, await cursor.fetchmany(most + 1), most)
            return Rows(changed=cursor.rowcount if cursor.rowcount >= 0 else None)
        finally:
            await cursor.close()

    def explained(self, statement: Statement) -> Statement:
        bound = Bound(f"EXPLAIN QUERY PLAN {statement.bound.text}", statement.bound.values)
        return Statement(bound, ("EXPLAIN", *statement.words))

    async def ended(self, conn: AsyncConnection, mark: str) -> bool:  # noqa: ARG002 not over a connection
        running = self._marked.get(mark)
        if running is None:
            return False
        await running.interrupt()
        return True
