"""The keys of steps in the database itself: what says, after a crash, whether a statement ran."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.connectors.protocol import Ended

TABLE: Final = "handrail_steps"
BEGUN: Final = "begun"
ENDED: Final = "ended"
#: It was cancelled before it began.
VOID: Final = "void"
#: What is kept of a statement's result; MySQL's TEXT has 65,535 bytes.
_KEPT: Final = 15_000

#: Of what is forgotten, so many are removed in one transaction.
FORGET_AT_ONCE: Final = 500

_METADATA: Final = MetaData()
_STEPS: Final = Table(
    TABLE,
    _METADATA,
    Column("step_key", String(200), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("exit_code", Integer, nullable=True),
    Column("stdout", Text, nullable=True),
    Column("stderr", Text, nullable=True),
    Column("at", DateTime, nullable=False),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
)


@dataclass(frozen=True)
class Entry:
    """What is known of a key; ``ended`` is there when it has ended."""

    state: str
    ended: Ended | None


async def is_there(conn: AsyncConnection) -> bool:
    """Whether the database has the table, which is made where it may be."""
    try:
        await conn.run_sync(_made)
        await conn.commit()
    except SQLAlchemyError:
        # It may not be made here, or somebody else has made it just now.
        await conn.rollback()
    return await conn.run_sync(lambda sync: inspect(sync).has_table(TABLE))


def _made(conn: Connection) -> None:
    _METADATA.create_all(conn, checkfirst=True)


async def begin(conn: AsyncConnection, key: str, state: str = BEGUN) -> None:
    """Take a key; while another transaction has it and has not ended, this waits.

    Raises:
        IntegrityError: the key is taken.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    await conn.execute(insert(_STEPS).values(step_key=key, state=state, at=now))


async def end(conn: AsyncConnection, key: str, ended: Ended) -> None:
    """Say how a key ended, in the same transaction as what it did."""
    await conn.execute(
        update(_STEPS)
        .where(_STEPS.c.step_key == key)
        .values(
            state=ENDED,
            exit_code=ended.exit_code,
            stdout=ended.stdout[:_KEPT],
            stderr=ended.stderr[:_KEPT],
        )
    )


async def entry(conn: AsyncConnection, key: str) -> Entry | None:
    """What is known of a key."""
    row = (await conn.execute(select(_STEPS).where(_STEPS.c.step_key == key))).one_or_none()
    if row is None:
        return None
    if row.state == VOID:
        ended = Ended(143, "", "it was cancelled before it began", cancelled=True)
        return Entry(row.state, ended)
    if row.state == BEGUN:
        return Entry(row.state, None)
    ended = Ended(row.exit_code or 0, row.stdout or "", row.stderr or "", reattached=True)
    return Entry(row.state, ended)


async def forget(conn: AsyncConnection, before: datetime) -> int:
    """Remove what ended before a time, some at once; how many.

    They are looked up first, and removed by their keys: what runs just now is not waited for.
    """
    old = select(_STEPS.c.step_key).where(
        _STEPS.c.at < before.replace(tzinfo=None), _STEPS.c.state.in_((ENDED, VOID))
    )
    keys = list((await conn.execute(old.limit(FORGET_AT_ONCE))).scalars())
    # What was looked up must not hold back the others in a transaction of its own.
    await conn.rollback()
    if keys:
        await conn.execute(delete(_STEPS).where(_STEPS.c.step_key.in_(keys)))
        await conn.commit()
    return len(keys)
