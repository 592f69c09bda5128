"""Databases, as targets."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from shared.config.section import Section
from shared.config.targets.target import AnyTarget
from shared.secrets import SecretRef


class Engine(StrEnum):
    """Which database."""

    POSTGRESQL = "postgresql"
    MYSQL = "mysql"
    MARIADB = "mariadb"
    SQLITE = "sqlite"


class SqlTls(Section):
    """That the connection is encrypted, and who may have signed the server's certificate."""

    ca: Path | None = None


class SqlTarget(AnyTarget):
    """A database; ``database`` is its name, or the file of SQLite.

    ``rows`` is how many a result has at most. ``several`` allows a step of several statements.
    ``record`` keeps the keys of steps in a table ``handrail_steps`` there, which is made when it is
    missing: without it nobody can say, after a crash, whether a statement ran.
    """

    connector: Literal["sql"]
    engine: Engine
    database: str = Field(min_length=1)
    host: str | None = None
    port: int | None = Field(None, ge=1, le=65535)
    user: str | None = None
    password: SecretRef | None = None
    tls: SqlTls | None = None
    rows: int = Field(200, ge=1, le=10_000)
    several: bool = False
    record: bool = True

    @model_validator(mode="after")
    def _is_reached(self) -> "SqlTarget":
        served = (self.host, self.port, self.user, self.password, self.tls)
        if self.engine is Engine.SQLITE and any(part is not None for part in served):
            raise ValueError("SQLite is a file: it has a `database` and no host, user or password")
        if self.engine is not Engine.SQLITE and (self.host is None or self.user is None):
            raise ValueError("name the `host` and the `user` to log in as")
        return self
