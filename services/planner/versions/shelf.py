"""The library of active versions, which follows files and people while the planner runs."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Gauge

from services.planner.versions.filing import Filing
from services.planner.versions.folder import Folder, FolderGoneError, Seen
from services.planner.versions.texts import Texts
from shared.runbook import Library
from shared.runbook.library import assembled
from shared.runbook.versions import Head, MongoVersions
from shared.yamlsource import Problem

log = structlog.get_logger(__name__)

#: How often files and versions are looked at.
PAUSE: Final = timedelta(seconds=2)


class Shelf:
    """Has the library of active versions; it is replaced as a whole, between two tickets.

    A file with mistakes is told in the log (``runbook.refused``, each with its line and column) and
    by the metric ``handrail_runbooks_refused``, and changes nothing.
    """

    def __init__(
        self,
        folder: Folder,
        store: MongoVersions,
        *,
        registry: CollectorRegistry,
        now: Callable[[], datetime],
    ) -> None:
        self._folder = folder
        self._store = store
        self._texts = Texts(store)
        self._filing = Filing(store, self._texts, now=now)
        self._library = Library()
        self._seen: Seen | None = None
        self._known: tuple[Seen | None, tuple[int, int]] | None = None
        self._told: frozenset[Problem] = frozenset()
        self._gone = False
        self._refused = Gauge(
            "handrail_runbooks_refused",
            "Mistakes for which runbooks are not used as they are written.",
            registry=registry,
        )

    @property
    def library(self) -> Library:
        """The runbooks that tickets are planned with now."""
        return self._library

    async def look(self) -> None:
        """Follow the files and the versions; nothing is done where nothing changed.

        Raises:
            UnavailableError: the store does not answer; looking again mends it.
        """
        await self._look_into_files()
        seen, stamp = self._seen, await self._store.stamp()
        if self._known is not None and self._known[0] is seen and self._known[1] == stamp:
            return
        problems = await self._followed(seen) if seen is not None else ()
        heads = await self._store.heads()
        active = await self._texts.active(heads, seen or Seen())
        library = assembled(active, self._texts.problems)
        self._tell((*problems, *library.problems), heads)
        self._swap(library)
        self._known = seen, stamp

    async def _followed(self, seen: Seen) -> tuple[Problem, ...]:
        return (*seen.problems, *await self._filing.follow(seen))

    async def _look_into_files(self) -> None:
        """A folder that is gone changes nothing: it may be on a disk that is away."""
        try:
            self._seen = await asyncio.to_thread(self._folder.look)
        except FolderGoneError as error:
            if not self._gone:
                log.error("runbooks.unreadable", reason=str(error))  # noqa: TRY400 no bug of ours
            self._gone = True
        else:
            self._gone = False

    def _tell(self, problems: Iterable[Problem], heads: Mapping[str, Head]) -> None:
        """Log each mistake when it appears, and what is in force instead."""
        told = dict.fromkeys(problems)
        in_force = {
            str(self._folder.path / head.file): head.ref
            for head in heads.values()
            if head.file is not None and head.active is not None
        }
        for problem in told:
            if problem not in self._told:
                log.error(
                    "runbook.refused",
                    file=problem.file,
                    line=problem.line,
                    column=problem.column,
                    reason=problem.message,
                    in_force=in_force.get(problem.file),
                )
        self._told = frozenset(told)
        self._refused.set(len(told))

    def _swap(self, library: Library) -> None:
        before, after = ([one.ref for one in each.runbooks] for each in (self._library, library))
        if self._known is None or before != after:
            self._library = library
            folder = str(self._folder.path)
            log.info("runbooks.loaded", directory=folder, count=len(library.runbooks))
