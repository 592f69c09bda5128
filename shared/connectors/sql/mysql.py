"""MySQL and MariaDB, through aiomysql.

The driver would write values into the text itself. Here the server binds them: they are handed over
as user variables, in hexadecimal, to a statement that the server has prepared.
"""

import re
import ssl
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import pymysql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.config.targets.sql import SqlTarget
from shared.connectors.sql.dialect import CONNECT, Trouble, driver_of
from shared.connectors.sql.rows import Rows
from shared.connectors.sql.statement import Statement, StatementRefusedError
from shared.runbook.sql import Bound, Scalar, pieces

#: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html, and those of MariaDB.
_BY_NUMBER: Final = {
    **dict.fromkeys((1044, 1045, 1049, 1698), Trouble.LOGIN),
    1062: Trouble.TAKEN,
    **dict.fromkeys((1205, 1213), Trouble.BUSY),
    1317: Trouble.CANCELLED,
    **dict.fromkeys((1969, 3024), Trouble.TIMED_OUT),
    **dict.fromkeys((1040, 1053, 1927, 2000, 2003, 2006, 2013, 2014, 2055), Trouble.GONE),
}
_NOT_PREPARED: Final = 1295
_UNKNOWN_VARIABLE: Final = 1193
_ATOMIC: Final = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "DO"))

_SYSTEM: Final = "('information_schema', 'mysql', 'performance_schema', 'sys')"
#: Those of MyISAM, Aria, MEMORY and their like.
_LOOSE: Final = (
    "SELECT 1 FROM information_schema.TABLES t "
    "JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE "
    "WHERE t.TABLE_TYPE = 'BASE TABLE' AND e.TRANSACTIONS <> 'YES' "
    "AND t.TABLE_SCHEMA NOT IN {system} AND t.TABLE_NAME IN ({names}) LIMIT 1"
)
#: What is behind names: of views, of what a change of a table sets off, and of functions.
_BEHIND: Final = (
    "SELECT VIEW_DEFINITION FROM information_schema.VIEWS "
    "WHERE TABLE_SCHEMA NOT IN {system} AND TABLE_NAME IN ({names}) "
    "UNION SELECT ACTION_STATEMENT FROM information_schema.TRIGGERS "
    "WHERE TRIGGER_SCHEMA NOT IN {system} AND EVENT_OBJECT_TABLE IN ({names}) "
    "UNION SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES "
    "WHERE ROUTINE_SCHEMA NOT IN {system} AND ROUTINE_NAME IN ({names})"
)
_VISIBLE: Final = (
    "SELECT COUNT(*) FROM information_schema.TABLES WHERE (TABLE_SCHEMA, TABLE_NAME) IN ({tables})"
)
_NAME: Final = re.compile(r"`([^`]+)`|([\w$]+)")
# As the server writes down what a view was made of.
_FROM: Final = re.compile(r"\b(?:from|join)\b[\s(]*`([^`]+)`\.`([^`]+)`", re.IGNORECASE)


class Mysql:
    """See ``Dialect``. What is no change of rows ends the transaction that it stands in."""

    errors: tuple[type[Exception], ...] = (pymysql.MySQLError,)

    has_loose_tables = True

    def url(self, target: SqlTarget, password: str | None) -> URL:
        return URL.create(
            "mysql+aiomysql",
            target.user,
            password,
            target.host,
            target.port or 3306,
            target.database,
            {"charset": "utf8mb4"},
        )

    def arguments(self, target: SqlTarget) -> dict[str, Any]:
        given: dict[str, Any] = {"connect_timeout": CONNECT.total_seconds()}
        if target.tls is not None:
            ca = str(target.tls.ca) if target.tls.ca else None
            given["ssl"] = ssl.create_default_context(cafile=ca)
        return given

    def trouble(self, error: BaseException) -> Trouble:
        if isinstance(error, SQLAlchemyError):
            error = getattr(error, "orig", None) or error
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if number in _BY_NUMBER:
            return _BY_NUMBER[number]
        return Trouble.STATEMENT if number else Trouble.GONE

    def atomic(self, statement: Statement) -> bool:
        return statement.verb in _ATOMIC

    async def is_loose(self, conn: AsyncConnection, texts: Iterable[str]) -> bool:
        """Also behind views, triggers and functions; what cannot be seen there counts as such."""
        seen: set[str] = set()
        while names := _names_in(texts) - seen:
            seen |= names
            listed = ", ".join(map(_hexadecimal, sorted(names)))
            if (
                await conn.exec_driver_sql(_LOOSE.format(system=_SYSTEM, names=listed))
            ).first() is not None:
                return True
            rows = await conn.exec_driver_sql(_BEHIND.format(system=_SYSTEM, names=listed))
            texts = [text or "" for (text,) in rows]
            if not all(texts) or not await _are_visible(conn, texts):
                return True
        return False

    async def prepared(self, conn: AsyncConnection, mark: str, limit: timedelta) -> None:
        """The mark is a lock that the connection holds: who else has the key waits for it."""
        seconds = max(0.01, limit.total_seconds())
        held = await conn.exec_driver_sql(f"SELECT GET_LOCK('{mark}', {seconds:.2f})")
        if held.scalar() != 1:
            raise pymysql.OperationalError(1205, "another run has the key of this step")
        try:
            await conn.exec_driver_sql(f"SET SESSION max_statement_time = {seconds:.2f}")
        except DBAPIError as error:
            if _number(error) != _UNKNOWN_VARIABLE:
                raise
            # MySQL, which keeps a limit for SELECT only; the others are ended from here.
            milliseconds = round(seconds * 1000)
            await conn.exec_driver_sql(f"SET SESSION max_execution_time = {milliseconds}")

    async def only_looking(self, conn: AsyncConnection) -> None:
        await conn.exec_driver_sql("ROLLBACK")
        await conn.exec_driver_sql("START TRANSACTION READ ONLY")

    async def executed(self, conn: AsyncConnection, statement: Statement, most: int) -> Rows:
        cursor = await (await driver_of(conn)).cursor()
        try:
            await cursor.execute(f"SET SESSION sql_select_limit = {most + 1}")
            await _run(cursor, statement.bound)
            if cursor.description:
                columns = [column[0] for column in cursor.description]
                return Rows.capped(columns, await cursor.fetchall(), most)
            return Rows(changed=cursor.rowcount)
        finally:
            await cursor.close()

    def explained(self, statement: Statement) -> Statement:
        bound = Bound(f"EXPLAIN {statement.bound.text}", statement.bound.values)
        return Statement(bound, ("EXPLAIN", *statement.words))

    async def ended(self, conn: AsyncConnection, mark: str) -> bool:
        holder = (await conn.exec_driver_sql(f"SELECT IS_USED_LOCK('{mark}')")).scalar()
        if holder is None:
            return False
        await conn.exec_driver_sql(f"KILL QUERY {int(holder)}")
        return True


def _names_in(texts: Iterable[str]) -> set[str]:
    """All that could be the name of something, in small letters."""
    found = (match for text in texts for match in _NAME.finditer(text))
    return {(match[1] or match[2]).lower() for match in found}


async def _are_visible(conn: AsyncConnection, views: Iterable[str]) -> bool:
    """Whether all tables that views are made of can be seen by this user."""
    made_of = {found for text in views for found in _FROM.findall(text)}
    if not made_of:
        return True
    tables = ", ".join(f"({_hexadecimal(one)}, {_hexadecimal(two)})" for one, two in made_of)
    return (await conn.exec_driver_sql(_VISIBLE.format(tables=tables))).scalar() == len(made_of)


async def _run(cursor: Any, bound: Bound) -> None:
    names: list[str] = []
    parts = []
    for is_value, piece in pieces(bound.text):
        if is_value:
            names.append(piece)
        parts.append("?" if is_value else piece)
    for name in dict.fromkeys(names):
        await cursor.execute(f"SET @handrail_{name} = {_hexadecimal(bound.values[name])}")
    await cursor.execute(f"SET @handrail_statement = {_hexadecimal(''.join(parts))}")
    try:
        await cursor.execute("PREPARE handrail FROM @handrail_statement")
    except pymysql.MySQLError as error:
        if error.args[0] != _NOT_PREPARED:
            raise
        if names:
            raise StatementRefusedError(
                "this server binds no values in such a statement: write it without placeholders"
            ) from error
        await cursor.execute(bound.text)
        return
    using = ", ".join(f"@handrail_{name}" for name in names)
    await cursor.execute("EXECUTE handrail" + (f" USING {using}" if using else ""))


def _hexadecimal(value: Scalar) -> str:
    """A value in a form that has nothing to escape."""
    if isinstance(value, int | float):
        return repr(value)
    return f"CONVERT(x'{value.encode().hex()}' USING utf8mb4)"


def _number(error: DBAPIError) -> int:
    found = error.orig.args[0] if error.orig is not None and error.orig.args else 0
    return found if isinstance(found, int) else 0
