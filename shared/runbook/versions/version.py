"""A version of a runbook, which never changes, and the head, which says which version is active."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.errors import HandrailError
from shared.runbook.runbook import Parsed
from shared.runbook.steps import IncludeTemplate
from shared.runbook.versions.difference import unified

#: So many steps can be rolled back, one after the other.
_BEFORE: Final = 100


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
        off_by, off_why: who did, and why.
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
    off_by: str = ""
    off_why: str = ""
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
    def begun(cls, version: Version, note: Note, *, file: str | None = None) -> "Head":
        """The head of a runbook that has just become known, from a file if one is given."""
        return cls(
            name=version.name,
            version=version.version,
            file=file,
            file_version=version.version if file is not None else None,
            includes=version.includes,
            who=note.who,
            at=note.at,
            why=note.why,
        )

    @classmethod
    def begun_off(cls, version: Version, note: Note) -> "Head":
        """The head of a runbook that somebody still has to turn on."""
        return cls.begun(version, note).model_copy(update=_off(note))

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

    def activated(self, version: Version, note: Note) -> "Head":
        """Another version, which is on."""
        return self.to(version, note).model_copy(update=self._on())

    def turned_off(self, note: Note) -> "Head":
        """Off by a person."""
        return self._next(note, _off(note))

    def turned_on(self, note: Note) -> "Head":
        """On by a person; one whose file is gone goes on without it."""
        return self._next(note, self._on())

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

    def _on(self) -> dict[str, Any]:
        lost = {"file": None, "file_version": None} if self.gone else {}
        return {"off": False, "off_by": "", "off_why": "", "gone": False, **lost}

    def _next(self, note: Note, changes: dict[str, Any]) -> "Head":
        said = {"rev": self.rev + 1, "who": note.who, "at": note.at, "why": note.why}
        return self.model_copy(update={**changes, **said})


def _off(note: Note) -> dict[str, Any]:
    return {"off": True, "off_by": note.who, "off_why": note.why}


def reference(name: str, version: str) -> str:
    """A version as people write it."""
    return f"{name}@{version}"


def included(parsed: Parsed) -> tuple[str, ...]:
    """The runbooks that a runbook's steps name, in order."""
    steps = parsed.runbook.content.steps
    names = (step.runbook for step in steps if isinstance(step, IncludeTemplate))
    return tuple(dict.fromkeys(names))
