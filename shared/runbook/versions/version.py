"""A version of a runbook, which never changes, and the head, which says which version is active."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.errors import HandrailError
from shared.runbook.model import IncludeTemplate
from shared.runbook.runbook import Parsed

#: So many steps can be rolled back, one after the other.
_BEFORE: Final = 100
#: Lines of a diff that name the two texts.
_NAMES: Final = 2


class VersionError(HandrailError):
    """A runbook's versions do not allow what was asked for."""


class ChangedMeanwhileError(VersionError):
    """Somebody else changed which version is active since it was looked at; nothing was done."""


class NothingBeforeError(VersionError):
    """No version was active before this one."""


class Origin(StrEnum):
    """Where a version's text came from."""

    FILE = "file"
    EDITED = "edited"
    IMPORTED = "imported"
    FORKED = "forked"


@dataclass(frozen=True)
class Note:
    """Who does something, when, and why."""

    who: str
    at: datetime
    why: str


class Version(BaseModel):
    """One text of one runbook, as it was first seen.

    Attributes:
        version: the beginning of the SHA-256 of the text, in hexadecimal.
        text: every character of it, comments and line ends too.
        origin: where it came from; ``place`` is the file's path where it was one.
        parent: ``name@version`` of what was active when it came, or of what it was forked from.
        diff: from the parent's text, in the unified format; empty without a parent.
        includes: the runbooks that its steps name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: str
    title: str
    text: str
    who: str
    at: AwareDatetime
    why: str
    origin: Origin
    place: str = ""
    parent: str | None = None
    diff: str = ""
    includes: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        return reference(self.name, self.version)

    @classmethod
    def of(
        cls,
        parsed: Parsed,
        note: Note,
        origin: Origin,
        *,
        place: str = "",
        parent: "Version | None" = None,
    ) -> "Version":
        """The version that a text is, its author being whoever the note names."""
        runbook, text = parsed.runbook, parsed.source.text
        this = reference(runbook.name, runbook.version)
        parent = None if parent is not None and parent.ref == this else parent
        return cls(
            name=runbook.name,
            version=runbook.version,
            title=runbook.title,
            text=text,
            who=note.who,
            at=note.at,
            why=note.why,
            origin=origin,
            place=place,
            parent=parent.ref if parent else None,
            diff=unified(parent.text, text, old=parent.ref, new=this) if parent else "",
            includes=included(parsed),
        )


class Head(BaseModel):
    """Which version of a runbook is active, or that it is off.

    Attributes:
        version: the active one; while it is off, the one that will be when it is on again.
        off: a person turned it off. It stays so until a person turns it on.
        gone: its file was removed. It is on again when the file is back.
        rev: grows by one with each change; a write is refused where it is not the next one.
        before: versions that were active before, the last one last.
        file: where its file is, from the folder of runbooks; None where it has none.
        file_version: what its file said when it was last taken over.
        includes: the runbooks that the version names.
        who, at, why: of the last change.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: str
    off: bool = False
    gone: bool = False
    rev: int = 1
    before: tuple[str, ...] = ()
    file: str | None = None
    file_version: str | None = None
    includes: tuple[str, ...] = ()
    who: str
    at: AwareDatetime
    why: str

    @classmethod
    def begun(cls, version: Version, note: Note, *, off: bool = False) -> "Head":
        """The head of a runbook that has just become known."""
        return cls(
            name=version.name,
            version=version.version,
            off=off,
            includes=version.includes,
            who=note.who,
            at=note.at,
            why=note.why,
        )

    @property
    def active(self) -> str | None:
        """The active version; None while it is off."""
        return None if self.off or self.gone else self.version

    @property
    def ref(self) -> str:
        return reference(self.name, self.version)

    def to(self, version: Version, note: Note) -> "Head":
        """Another version; whether it is on stays."""
        before = self.before
        if version.version != self.version:
            before = (*before, self.version)[-_BEFORE:]
        changes = {"version": version.version, "includes": version.includes, "before": before}
        return self._next(note, changes)

    def to_file(self, version: Version, path: str, note: Note) -> "Head":
        """What the runbook's file says now."""
        follows = {"file": path, "file_version": version.version, "gone": False}
        return self.to(version, note).model_copy(update=follows)

    def at_file(self, path: str, note: Note) -> "Head":
        """The same version, whose file has another path."""
        return self._next(note, {"file": path})

    def without_file(self, note: Note) -> "Head":
        """Off since its file was removed."""
        return self._next(note, {"gone": True})

    def switched(self, note: Note, *, on: bool) -> "Head":
        """On or off by a person; one whose file is gone goes on without it."""
        if not on:
            return self._next(note, {"off": True})
        lost: dict[str, Any] = {"file": None, "file_version": None} if self.gone else {}
        return self._next(note, {"off": False, "gone": False, **lost})

    def previous(self) -> str:
        """The version that was active before this one.

        Raises:
            NothingBeforeError: there is none.
        """
        if not self.before:
            raise NothingBeforeError(f"{self.ref}: no version of it was active before")
        return self.before[-1]

    def rolled_back(self, version: Version, note: Note) -> "Head":
        """The version before, which is given; the next time it is the one before that."""
        changes = {
            "version": version.version,
            "includes": version.includes,
            "before": self.before[:-1],
        }
        return self._next(note, changes)

    def _next(self, note: Note, changes: dict[str, Any]) -> "Head":
        said = {"rev": self.rev + 1, "who": note.who, "at": note.at, "why": note.why}
        return self.model_copy(update={**changes, **said})


def reference(name: str, version: str) -> str:
    """A version as people write it."""
    return f"{name}@{version}"


def included(parsed: Parsed) -> tuple[str, ...]:
    """The runbooks that a runbook's steps name, in order."""
    steps = parsed.runbook.content.steps
    names = (step.runbook for step in steps if isinstance(step, IncludeTemplate))
    return tuple(dict.fromkeys(names))


def unified(before: str, after: str, *, old: str, new: str) -> str:
    """What changed from one text to the other, in the unified format of `diff -u`."""
    lines = difflib.unified_diff(_lines(before), _lines(after), old, new, lineterm="")
    return "".join(f"{line}\n" for line in _marked(lines))


def _lines(text: str) -> list[str]:
    """Lines with their ends, where only LF ends one: that is what `patch` goes by."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _marked(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number < _NAMES or line.startswith("@@") or line.endswith("\n"):
            yield line.removesuffix("\n")
        else:
            yield from (line, r"\ No newline at end of file")
