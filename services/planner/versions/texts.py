"""The active versions as runbooks: each text is read once."""

from collections.abc import Mapping

from services.planner.versions.folder import Seen
from shared.runbook.library import parsed_runbook
from shared.runbook.runbook import Parsed
from shared.runbook.versions import Head, MongoVersions
from shared.runbook.versions.version import reference
from shared.yamlsource import Problem, SourceError


class Texts:
    """Reads the texts of active versions; one that a file has too is not read again."""

    def __init__(self, store: MongoVersions) -> None:
        self._store = store
        self._read: dict[str, Parsed] = {}
        self._wrong: dict[str, tuple[Problem, ...]] = {}

    async def active(self, heads: Mapping[str, Head], seen: Seen) -> dict[str, Parsed]:
        """The active versions that can be read, by name."""
        wanted = {head.ref: name for name, head in heads.items() if head.active is not None}
        known = {**self._read, **{_ref(parsed): parsed for _, parsed in seen.runbooks.values()}}
        self._read = {ref: known[ref] for ref in wanted if ref in known}
        self._wrong = {ref: told for ref, told in self._wrong.items() if ref in wanted}
        missing = wanted.keys() - self._read.keys() - self._wrong.keys()
        if missing:
            await self._fetch(missing)
        return {name: self._read[ref] for ref, name in wanted.items() if ref in self._read}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why some cannot be read: what was right when it was stored, and is not any more."""
        return tuple(problem for told in self._wrong.values() for problem in told)

    async def _fetch(self, refs: set[str]) -> None:
        for ref, version in (await self._store.these(refs)).items():
            try:
                self._read[ref] = parsed_runbook(version.text, file=ref)
            except SourceError as error:
                self._wrong[ref] = error.problems


def _ref(parsed: Parsed) -> str:
    return reference(parsed.runbook.name, parsed.runbook.version)
