"""A runbook that was read and checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from shared.events import RunbookRef
from shared.runbook.model import RunbookFile
from shared.yamlsource import Source


@dataclass(frozen=True)
class Runbook:
    """A runbook that was checked; ``version`` is a hash of the file's text.

    ``included`` has those that its steps name.
    """

    content: RunbookFile
    version: str
    file: str
    included: Mapping[str, "Runbook"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.content.metadata.name

    @property
    def title(self) -> str:
        return self.content.metadata.title

    @property
    def ref(self) -> RunbookRef:
        return RunbookRef(
            name=self.name,
            title=self.title,
            version=self.version,
            includes={name: version for name, version in self._versions() if name != self.name},
            labels=dict(self.content.metadata.labels),
        )

    def _versions(self) -> Iterator[tuple[str, str]]:
        yield self.name, self.version
        for other in self.included.values():
            yield from other._versions()  # noqa: SLF001 one of its own kind


@dataclass(frozen=True)
class Parsed:
    """A runbook and the text that it was read from, where mistakes have their places."""

    runbook: Runbook
    source: Source
