"""What differs from database to database."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, Protocol

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.config.targets.sql import SqlTarget
from shared.connectors.sql.rows import Rows
from shared.connectors.sql.statement import Statement

#: A connection that is not made by then is not made at all.
CONNECT: Final = timedelta(seconds=20)


class Trouble(StrEnum):
    """What an error of a driver means."""

    STATEMENT = "statement"
    """The database refuses the statement: it did nothing."""
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    TAKEN = "taken"
    """A key is there already."""
    BUSY = "busy"
    """Somebody else holds what is wanted, for longer than the database waits."""
    GONE = "gone"
    """The connection is gone, or could not be made."""
    LOGIN = "login"


class Dialect(Protocol):
    """One database. Connections are fresh, so that what is set on them is set for one step."""

    #: What its driver raises, beside what SQLAlchemy does.
    errors: tuple[type[Exception], ...]
    #: Whether there may be tables in which no change can be taken back.
    has_loose_tables: bool

    def url(self, target: SqlTarget, password: str | None) -> URL: ...

    def arguments(self, target: SqlTarget) -> dict[str, Any]:
        """What the driver is given beside the URL."""
        ...

    def trouble(self, error: BaseException) -> Trouble: ...

    def atomic(self, statement: Statement) -> bool:
        """Whether the statement takes part in a transaction, so that it can be taken back."""
        ...

    async def is_loose(self, conn: AsyncConnection, texts: Iterable[str]) -> bool:
        """Whether statements may change a table in which no change can be taken back."""
        ...

    async def prepared(self, conn: AsyncConnection, mark: str, limit: timedelta) -> None:
        """Within the transaction: keep the time limit there, and put up the step's mark."""
        ...

    async def only_looking(self, conn: AsyncConnection) -> None:
        """First in a transaction: it cannot write."""
        ...

    async def executed(self, conn: AsyncConnection, statement: Statement, most: int) -> Rows:
        """Run a statement on the connection's own driver.

        Raises:
            StatementRefusedError: a value is not what the statement wants.
        """
        ...

    def explained(self, statement: Statement) -> Statement: ...

    async def ended(self, conn: AsyncConnection, mark: str) -> bool:
        """End what runs under a mark; false where nothing does."""
        ...


def mark_of(key: str) -> str:
    """What a step's connection is known by: short enough for every database."""
    return f"handrail-{sha256(key.encode()).hexdigest()[:32]}"


async def driver_of(conn: AsyncConnection) -> Any:
    """The driver's own connection."""
    return (await conn.get_raw_connection()).driver_connection
