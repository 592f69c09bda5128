"""A database of each kind, with one table of jobs in it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared.config.targets.sql import SqlTarget
from shared.connectors.protocol import Job
from shared.connectors.sql import SqlConnector
from shared.lifecycle import Effect
from tests.databases import PASSWORD, USER, Server, mariadb, postgresql

__all__ = ["mariadb", "postgresql"]

JOBS = "CREATE TABLE jobs (id INTEGER PRIMARY KEY, worker VARCHAR(600), runs INTEGER NOT NULL)"


@dataclass
class Place:
    """One database: makes connectors to it, each as another executor would have its own."""

    engine: str
    file: Path
    server: Server | None = None
    made: list = field(default_factory=list)

    def connector(self, port=None, **fields) -> SqlConnector:
        if self.server is None:
            reach = {"database": str(self.file)}
        else:
            reach = {"database": "shop", "host": "127.0.0.1", "port": port or self.server.port}
            reach |= {"user": USER, "password": {"env": "DB_PASSWORD"}}
        given = {"connector": "sql", "engine": self.engine, **reach, **fields}
        self.made.append(SqlConnector(SqlTarget.model_validate(given)))
        return self.made[-1]

    async def afresh(self) -> None:
        """One table with two jobs, and no keys."""
        statements = [f"DROP TABLE IF EXISTS {table}" for table in ("jobs", "handrail_steps")]
        statements += [JOBS, "INSERT INTO jobs VALUES (1, 'web-1', 0), (2, 'web-2', 0)"]
        if self.engine == "postgresql":
            statements += [f"ALTER TABLE jobs OWNER TO {USER}"]
            statements += [f"GRANT ALL ON SCHEMA public TO {USER}"]
        if self.server is not None:
            await self.direct("; ".join(statements))
            return
        for statement in statements:
            await self.direct(statement)

    async def direct(self, text: str) -> str:
        """Run something without the connector."""
        return await asyncio.to_thread(self._direct, text)

    def _direct(self, text: str) -> str:
        if self.server is not None:
            return self.server.statement(text)
        with closing(sqlite3.connect(self.file, timeout=30)) as db:
            rows = db.execute(text).fetchall()
            db.commit()
        return "\n".join("|".join(map(str, row)) for row in rows)

    async def runs(self, id_=1) -> int:
        return int(await self.direct(f"SELECT runs FROM jobs WHERE id = {id_}"))


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
async def place(request, tmp_path, monkeypatch) -> AsyncIterator[Place]:
    """Each kind of database, with an empty ledger."""
    server = None if request.param == "sqlite" else request.getfixturevalue(request.param)
    found = Place(request.param, tmp_path / "shop.db", server)
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    await found.afresh()
    yield found
    for connector in found.made:
        await connector.close()


def job(command, *, key=None, effect=Effect.ONCE, seconds=60.0) -> Job:
    return Job(key or f"step-{uuid4().hex}", command, timedelta(seconds=seconds), effect=effect)


#: Counts on the target: how often it ran is what the table says.
COUNT = 'UPDATE jobs SET runs = runs + 1 WHERE worker = :p0\n-- :p0 = "web-1"'
