"""Connections to one database, and what their errors mean to a step."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared.config.targets.sql import SqlTarget
from shared.connectors.protocol import (
    LoginRefusedError,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.sql.dialect import CONNECT, Dialect, Trouble
from shared.errors import SettingsError

log = structlog.get_logger(__name__)

#: What ending a statement from here may take before its connection is given up.
END_GRACE: Final = timedelta(seconds=15)

T = TypeVar("T")


class StatementError(Exception):
    """A statement did not end well; what it did was taken back. Never leaves the connector."""

    def __init__(self, trouble: Trouble, said: str) -> None:
        super().__init__(said)
        self.trouble = trouble


class Sessions:
    """Fresh connections to one database: nothing of one step is left for the next."""

    def __init__(self, target: SqlTarget, dialect: Dialect) -> None:
        self._target = target
        self._dialect = dialect
        self._engine: AsyncEngine | None = None
        self._password: str | None = None
        self._errors: tuple[type[Exception], ...] = (OSError, SQLAlchemyError, *dialect.errors)

    @asynccontextmanager
    async def opened(self, *, autocommit: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection of its own.

        Raises:
            TargetUnreachableError: there is none; nothing was run.
            LoginRefusedError: the database does not take the credentials, or has no such name.
            TargetUnusableError: the credentials are not there.
        """
        conn = self._made().connect()
        try:
            async with asyncio.timeout((CONNECT * 2).total_seconds()):
                await conn.start()
        except self._errors as error:
            raise self._not_opened(error) from error
        try:
            if autocommit:
                await conn.execution_options(isolation_level="AUTOCOMMIT")
            yield conn
        finally:
            await self._let_go(conn)

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Errors of the driver in here are told in the connector's own words.

        Raises:
            StatementError: the database said no, or ended the statement.
            TargetUnreachableError: the connection is gone.
        """
        try:
            yield
        except self._errors as error:
            trouble = self._dialect.trouble(error)
            said = _said(error)
            if trouble is Trouble.GONE:
                raise TargetUnreachableError(said, may_have_started=True) from error
            raise StatementError(trouble, said) from error

    async def within(self, work: Awaitable[T], limit: timedelta, mark: str) -> T:
        """The result of some work; what runs under the mark is ended when the limit is over.

        Raises:
            StatementError: it took too long, and what it did was taken back.
            TargetUnreachableError: nobody can say what became of it.
        """
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=limit.total_seconds())
            if task.done():
                return task.result()
            await self.end(mark)
            await asyncio.wait({task}, timeout=END_GRACE.total_seconds())
            if not task.done():
                raise TargetUnreachableError("it could not be ended", may_have_started=True)
            try:
                return task.result()
            except StatementError as error:
                raise StatementError(Trouble.TIMED_OUT, str(error)) from error
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def end(self, mark: str) -> bool:
        """End what runs under a mark; false where nothing does.

        Raises:
            TargetUnreachableError: the database does not answer.
        """
        async with self.opened() as conn, self.told():
            return await self._dialect.ended(conn, mark)

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    def _made(self) -> AsyncEngine:
        """An engine with the password as it is now: a secret may have been exchanged."""
        secret = self._target.password
        try:
            password = secret.read().get_secret_value() if secret else None
            if self._engine is None or password != self._password:
                self._engine = self._with(password)
                self._password = password
        except (SettingsError, OSError) as error:
            raise TargetUnusableError(str(error)) from error
        return self._engine

    def _with(self, password: str | None) -> AsyncEngine:
        return create_async_engine(
            self._dialect.url(self._target, password),
            connect_args=self._dialect.arguments(self._target),
            # Nothing is kept open, so that an engine that is replaced leaves nothing behind.
            poolclass=NullPool,
            # Values may be anything; they are in what people approved, and in no error.
            hide_parameters=True,
        )

    def _not_opened(self, error: BaseException) -> Exception:
        where = self._target.host or self._target.database
        trouble = None if isinstance(error, OSError) else self._dialect.trouble(error)
        if trouble is Trouble.LOGIN:
            return LoginRefusedError(f"{where} does not let us in: {_said(error)}")
        return TargetUnreachableError(f"{where}: {_said(error)}", may_have_started=False)

    async def _let_go(self, conn: AsyncConnection) -> None:
        try:
            async with asyncio.timeout(END_GRACE.total_seconds()):
                await conn.close()
        except self._errors as error:
            # Nothing is lost with it: what was not committed is taken back.
            log.info("database.connection_broken", reason=_said(error))


def _said(error: BaseException) -> str:
    """What the database itself says, without the statement and its values."""
    cause: Any = getattr(error, "orig", None) or error
    cause = cause.__cause__ or cause
    args = [str(part) for part in getattr(cause, "args", ()) if isinstance(part, str)]
    text = (args[0] if args else str(cause)).strip()
    return text.partition("\n")[0] or type(cause).__name__
