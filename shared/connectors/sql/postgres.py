"""PostgreSQL, through asyncpg."""

import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.config.targets.sql import SqlTarget
from shared.connectors.sql.dialect import CONNECT, Trouble, driver_of
from shared.connectors.sql.rows import Rows
from shared.connectors.sql.statement import Statement, StatementRefusedError
from shared.runbook.sql import Bound, Scalar, pieces

#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_STATE: Final = {
    "23505": Trouble.TAKEN,
    "55P03": Trouble.BUSY,
    "40001": Trouble.BUSY,
    "40P01": Trouble.BUSY,
    "3D000": Trouble.LOGIN,
    "42501": Trouble.STATEMENT,
}
_BY_CLASS: Final = {"08": Trouble.GONE, "28": Trouble.LOGIN, "57": Trouble.GONE}
_CANCELLED: Final = "57014"
_ALONE: Final = frozenset(("VACUUM", "CLUSTER", "CALL", "DISCARD"))
_ALONE_PAIRS: Final = frozenset(
    (verb, what) for verb in ("CREATE", "DROP", "ALTER") for what in ("DATABASE", "TABLESPACE")
) | {("ALTER", "SYSTEM")}
_TRUE: Final = frozenset(("t", "true", "yes", "on", "1"))
_FALSE: Final = frozenset(("f", "false", "no", "off", "0"))


class Postgres:
    """See ``Dialect``."""

    errors: tuple[type[Exception], ...] = (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    )

    has_loose_tables = False

    def url(self, target: SqlTarget, password: str | None) -> URL:
        return URL.create(
            "postgresql+asyncpg",
            target.user,
            password,
            target.host,
            target.port or 5432,
            target.database,
        )

    def arguments(self, target: SqlTarget) -> dict[str, Any]:
        given: dict[str, Any] = {"timeout": CONNECT.total_seconds()}
        if target.tls is not None:
            ca = str(target.tls.ca) if target.tls.ca else None
            given["ssl"] = ssl.create_default_context(cafile=ca)
        return given

    def trouble(self, error: BaseException) -> Trouble:
        if isinstance(error, SQLAlchemyError):
            error = getattr(error, "orig", None) or error
        state = getattr(error, "sqlstate", None)
        if state == _CANCELLED:
            timed_out = "statement timeout" in str(error)
            return Trouble.TIMED_OUT if timed_out else Trouble.CANCELLED
        if state:
            return _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or Trouble.STATEMENT
        return Trouble.GONE

    def atomic(self, statement: Statement) -> bool:
        words = statement.words
        alone = words[0] in _ALONE or words[:2] in _ALONE_PAIRS
        return not alone and "CONCURRENTLY" not in statement.bound.text.upper()

    async def is_loose(self, conn: AsyncConnection, texts: Iterable[str]) -> bool:  # noqa: ARG002 it has none
        return False

    async def prepared(self, conn: AsyncConnection, mark: str, limit: timedelta) -> None:
        milliseconds = max(1, round(limit.total_seconds() * 1000))
        await conn.execute(
            text("SELECT set_config('application_name', :mark, false)"), {"mark": mark}
        )
        await conn.exec_driver_sql(f"SET statement_timeout = {milliseconds}")

    async def only_looking(self, conn: AsyncConnection) -> None:
        await conn.exec_driver_sql("SET TRANSACTION READ ONLY")

    async def executed(self, conn: AsyncConnection, statement: Statement, most: int) -> Rows:
        driver: asyncpg.Connection[Any] = await driver_of(conn)
        order: list[str] = []
        made = await driver.prepare(_numbered(statement.bound, order))
        wanted = made.get_parameters()
        values = [
            _converted(name, statement.bound.values[name], kind.name)
            for name, kind in zip(order, wanted, strict=True)
        ]
        columns = [column.name for column in made.get_attributes()]
        if columns and driver.is_in_transaction():
            cursor = await made.cursor(*values)
            return Rows.capped(columns, await cursor.fetch(most + 1), most)
        rows = await made.fetch(*values)
        if columns:
            return Rows.capped(columns, rows, most)
        return Rows(changed=_count(made.get_statusmsg()))

    def explained(self, statement: Statement) -> Statement:
        bound = Bound(f"EXPLAIN {statement.bound.text}", statement.bound.values)
        return Statement(bound, ("EXPLAIN", *statement.words))

    async def ended(self, conn: AsyncConnection, mark: str) -> bool:
        found = await conn.execute(
            text(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = :mark AND pid <> pg_backend_pid()"
            ),
            {"mark": mark},
        )
        return bool(found.all())


def _numbered(bound: Bound, order: list[str]) -> str:
    """With ``$1`` for ``:p0``."""
    parts = []
    for is_value, piece in pieces(bound.text):
        if is_value and piece not in order:
            order.append(piece)
        parts.append(f"${order.index(piece) + 1}" if is_value else piece)
    return "".join(parts)


def _converted(name: str, value: Scalar, kind: str) -> Any:
    """A value as the statement wants it, since the driver sends types and not texts.

    Raises:
        StatementRefusedError: it is none of that type.
    """
    convert = _CONVERTED.get(kind, str)
    try:
        return convert(value)
    except (ValueError, InvalidOperation):
        raise StatementRefusedError(
            f"the value :{name} is {value!r}, and the statement wants a value of type {kind} there"
        ) from None


def _integer(value: Scalar) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _boolean(value: Scalar) -> bool:
    written = str(value).lower()
    if written not in _TRUE | _FALSE:
        raise ValueError(value)
    return written in _TRUE


def _moment(value: Scalar) -> datetime:
    return datetime.fromisoformat(str(value))


def _span(value: Scalar) -> timedelta:
    """Seconds, or hours, minutes and seconds."""
    with suppress(ValueError):
        return timedelta(seconds=float(value))
    hours, minutes, seconds = str(value).split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


_CONVERTED: Final[Mapping[str, Callable[[Scalar], Any]]] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), _integer),
    **dict.fromkeys(("float4", "float8"), float),
    "numeric": lambda value: Decimal(str(value)),
    "bool": _boolean,
    "date": lambda value: date.fromisoformat(str(value)),
    "time": lambda value: time.fromisoformat(str(value)),
    **dict.fromkeys(("timestamp", "timestamptz"), _moment),
    "interval": _span,
    "bytea": lambda value: str(value).encode(),
}


def _count(status: str) -> int | None:
    """The number in ``UPDATE 3`` or ``INSERT 0 3``."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else None
