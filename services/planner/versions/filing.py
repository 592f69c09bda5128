"""Files become versions, and the active ones, each time that they change."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import structlog

from services.planner.versions.due import Due, due
from services.planner.versions.folder import Seen
from services.planner.versions.texts import Texts
from shared.runbook.runbook import Parsed
from shared.runbook.versions import ChangedMeanwhileError, Head, MongoVersions, Note, Version
from shared.runbook.versions.fitting import fitted
from shared.runbook.versions.version import Origin
from shared.yamlsource import Problem

log = structlog.get_logger(__name__)

#: Whose versions they are that come from files.
WHO: Final = "file"
# Each time somebody else was faster with one of them; what is left is done at the next look.
_TRIES: Final = 5


class Filing:
    """Takes over what files say; see ``due`` for what that is."""

    def __init__(self, store: MongoVersions, texts: Texts, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._texts = texts
        self._now = now
        self._settled: dict[str, tuple[str, str]] | None = None

    async def follow(self, seen: Seen) -> tuple[Problem, ...]:
        """Make versions of what changed and activate them.

        Returns why some of it was refused: it does not fit to the other runbooks.

        Raises:
            UnavailableError: the store does not answer; what is left is due the next time.
        """
        for _ in range(_TRIES):
            heads = await self._store.heads()
            todo = due(seen, heads, self._settled)
            wanted = {name: parsed for name, (_, parsed) in todo.changed.items()}
            fit = fitted(await self._texts.active(heads, seen), wanted)
            try:
                await self._take_over(todo, heads, fit.accepted)
            except ChangedMeanwhileError:
                continue
            self._settle(seen, wanted.keys() - fit.accepted.keys())
            return fit.problems
        log.warning("runbooks.contended")
        return ()

    async def _take_over(
        self, todo: Due, heads: Mapping[str, Head], accepted: Mapping[str, Parsed]
    ) -> None:
        for name, parsed in accepted.items():
            await self._change(heads.get(name), todo.changed[name][0], parsed)
        for name, path in todo.moved.items():
            await self._store.put(heads[name].at_file(path, self._note(f"its file is {path} now")))
        for name in todo.gone:
            note = self._note(f"its file {heads[name].file} was removed")
            await self._store.put(heads[name].without_file(note))
            log.warning("runbook.turned_off", runbook=name, reason=note.why)

    async def _change(self, head: Head | None, path: str, parsed: Parsed) -> None:
        note = self._note(_why(head, path, parsed.runbook.version))
        parent = await self._store.version(head.ref) if head else None
        version = await self._store.keep(
            Version.of(parsed, note, Origin.FILE, place=path, parent=parent)
        )
        turned = head.to_file(version, path, note) if head else Head.begun(version, note, file=path)
        await self._store.put(turned)
        log.info("runbook.changed", runbook=version.ref, file=path, active=turned.active)

    def _settle(self, seen: Seen, refused: Iterable[str]) -> None:
        """Remember what was taken over; what was refused is due again."""
        before = self._settled or {}
        # A file that went wrong counts with what it said before.
        kept = {name: was for name, was in before.items() if was[0] in seen.wrong}
        now = {
            name: (path, parsed.runbook.version) for name, (path, parsed) in seen.runbooks.items()
        }
        left = {name: before[name] for name in refused if name in before}
        self._settled = {
            **kept,
            **{name: was for name, was in now.items() if name not in refused},
            **left,
        }

    def _note(self, why: str) -> Note:
        return Note(WHO, self._now(), why)


def _why(head: Head | None, path: str, version: str) -> str:
    if head is None or head.file_version is None:
        return f"the file {path} is new"
    if head.gone and head.file_version == version:
        return f"its file {path} is back"
    return f"the file {path} changed"
