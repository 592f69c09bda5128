"""Versions of runbooks as commands reach and show them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.connection import NotRunningError, Place, storing
from deploy.person import person
from shared.runbook.versions import Catalog, Head, Incoming, MongoVersions, Note, Origin, Version
from shared.yamlsource import Problem, SourceError


@dataclass(frozen=True)
class Shown:
    """One version, and how its runbook stands."""

    version: Version
    head: Head

    @property
    def is_active(self) -> bool:
        return self.head.active == self.version.version


@asynccontextmanager
async def catalog() -> AsyncIterator[Catalog]:
    """The versions of this installation.

    Raises:
        NotRunningError: the store is nowhere, or does not answer.
    """
    async with storing(Place.of()) as db:
        store = MongoVersions(db)
        await store.prepare()
        yield Catalog(store)


async def version_shown(ref: str) -> Shown | None:
    """A version, or the active one where only a name is given; None where only files can say.

    Raises:
        NotRunningError: one version is asked for, and nothing runs.
        NoSuchVersionError: there is no such version.
    """
    try:
        async with catalog() as runbooks:
            if "@" not in ref and await runbooks.store.head(ref) is None:
                return None
            version = await runbooks.find(ref)
            return Shown(version, await runbooks.head(version.name))
    except NotRunningError:
        if "@" in ref:
            raise
        return None


def note(why: str) -> Note:
    """The user of this terminal, now."""
    return Note(person(), datetime.now(UTC).replace(microsecond=0), why)


def incoming(file: Path, origin: Origin) -> Incoming:
    """The text of a file, as it is.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return Incoming(file.read_bytes().decode("utf-8"), str(file), origin)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError([Problem(str(file), 1, 1, f"cannot be read: {error}")]) from error


def state(head: Head) -> str:
    """Whether a runbook is used, and why not."""
    if head.off:
        return f"off, by {head.off_by}: {head.off_why}"
    if head.gone:
        return "off, since its file was removed"
    return "active"


def told(head: Head) -> dict[str, Any]:
    """How a runbook stands, for programs."""
    fields = head.model_dump(mode="json", exclude={"before", "includes", "file_version"})
    return {**fields, "active": head.active}
