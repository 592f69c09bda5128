"""What people do to runbooks: edit, activate, roll back, turn off and on, fork, take in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.runbook.library import parsed_runbook
from shared.runbook.runbook import Parsed
from shared.runbook.versions.fitting import fitted, related
from shared.runbook.versions.renaming import renamed
from shared.runbook.versions.store import MongoVersions
from shared.runbook.versions.version import Head, Note, Origin, Version, VersionError, reference
from shared.yamlsource import Problem, SourceError

#: A text longer than this is no runbook that anybody reads.
LONGEST: Final = 1024 * 1024


class NoSuchVersionError(VersionError):
    """There is no such runbook or version, or several versions begin so."""


class NameTakenError(VersionError):
    """There is a runbook of this name already."""


class WrongNameError(VersionError):
    """A text is of another runbook than the one it is for."""


@dataclass(frozen=True)
class Incoming:
    """A text from outside; mistakes are told as being in ``file``."""

    text: str
    file: str
    origin: Origin = Origin.EDITED


@dataclass(frozen=True)
class Catalog:
    """Changes which version of a runbook is active; running planners follow within seconds.

    Every method raises ``ChangedMeanwhileError`` when somebody else changed the runbook at the same
    time, ``SourceError`` for a text with mistakes or one that would break a runbook that includes
    it, and ``UnavailableError``; then the runbook is as it was.
    """

    store: MongoVersions

    async def find(self, ref: str) -> Version:
        """A version by ``name@version``, of which the beginning is enough, or the active one.

        Raises:
            NoSuchVersionError: there is none.
        """
        name, at, version = ref.partition("@")
        if not at:
            head = await self.head(name)
            return await self._kept(head.ref)
        found = [one for one in await self.store.of(name) if one.version.startswith(version)]
        if len(found) != 1:
            known = found or await self.store.of(name)
            raise NoSuchVersionError(_not_one(ref, name, known, several=bool(found)))
        return found[0]

    async def head(self, name: str) -> Head:
        """Which version of a runbook is active.

        Raises:
            NoSuchVersionError: there is no such runbook.
        """
        found = await self.store.head(name)
        if found is None:
            known = ", ".join(await self.store.heads()) or "none"
            raise NoSuchVersionError(f"there are no versions of a runbook {name} (of: {known})")
        return found

    async def edit(self, name: str, incoming: Incoming, note: Note) -> Head:
        """Make a version of a text and activate it; a runbook that is off stays off.

        Where the runbook has a file, it is active until the file changes.

        Raises:
            WrongNameError: the text is of another runbook.
            NoSuchVersionError: there is no runbook of this name to edit.
        """
        parsed = _read(incoming)
        if parsed.runbook.name != name:
            raise WrongNameError(
                f"{incoming.file}: it is the runbook {parsed.runbook.name}, not {name}; "
                f"`handrail runbook fork {name} NEW` makes another one of it"
            )
        await self.head(name)
        return (await self._taken([(parsed, incoming)], note))[0]

    async def take_in(self, incoming: Sequence[Incoming], note: Note) -> list[Head]:
        """Make versions of texts and activate them, those of new runbooks too.

        They are checked together first, so that they may include each other: with a mistake in any
        of them nothing is changed.

        Raises:
            NameTakenError: two of them are the same runbook.
        """
        read, problems = [], list[Problem]()
        for one in incoming:
            try:
                read.append((_read(one), one))
            except SourceError as error:
                problems += error.problems
        if problems:
            raise SourceError(problems)
        names: dict[str, str] = {}
        for parsed, one in read:
            if (name := parsed.runbook.name) in names:
                raise NameTakenError(f"{one.file}: {names[name]} is the runbook {name} too")
            names[name] = one.file
        return await self._taken(read, note)

    async def fork(self, ref: str, new: str, note: Note, changed: Incoming | None = None) -> Head:
        """Make a runbook of another one, with its text or a changed one; it begins turned off.

        On, it would be for the same alerts as the one it is made of.

        Raises:
            NameTakenError: there is a runbook of this name.
            WrongNameError: the changed text is of a third runbook.
            NoSuchVersionError: there is nothing to fork.
        """
        parent = await self.find(ref)
        if await self.store.head(new) is not None:
            raise NameTakenError(f"there is a runbook {new} already: take another name")
        text, file = (changed.text, changed.file) if changed else (parent.text, parent.ref)
        original = _read(Incoming(text, file)).runbook
        if original.name not in (parent.name, new):
            raise WrongNameError(f"{file}: it is the runbook {original.name}, not {parent.name}")
        parsed = _read(Incoming(renamed(text, new, file=file), file))
        await self._fit({new: parsed})
        version = Version.of(parsed, note, Origin.FORKED, parent=parent)
        head = Head.begun_off(await self.store.keep(version), note)
        await self.store.put(head)
        return head

    async def activate(self, ref: str, note: Note) -> Head:
        """Activate a version; its runbook is on then.

        Raises:
            NoSuchVersionError: there is none.
        """
        version = await self.find(ref)
        head = await self.head(version.name)
        await self._fit({version.name: _read(Incoming(version.text, version.ref))})
        if head.active == version.version:
            return head
        turned = head.activated(version, note)
        await self.store.put(turned)
        return turned

    async def roll_back(self, name: str, note: Note) -> Head:
        """Activate the version that was active before this one; again: the one before that.

        Raises:
            NothingBeforeError: there is none.
            NoSuchVersionError: there is no such runbook.
        """
        head = await self.head(name)
        version = await self._kept(reference(name, head.previous()))
        await self._fit({name: _read(Incoming(version.text, version.ref))})
        turned = head.rolled_back(version, note)
        await self.store.put(turned)
        return turned

    async def turn_off(self, name: str, note: Note) -> Head:
        """Have a runbook not used, whatever its file says; changes nothing if a person did before.

        Raises:
            NoSuchVersionError: there is no such runbook.
        """
        head = await self.head(name)
        if head.off:
            return head
        turned = head.turned_off(note)
        await self.store.put(turned)
        return turned

    async def turn_on(self, name: str, note: Note) -> Head:
        """Have a runbook used again, with the version that it has; changes nothing if it is.

        Raises:
            NoSuchVersionError: there is no such runbook.
        """
        head = await self.head(name)
        if head.active is not None:
            return head
        version = await self._kept(head.ref)
        await self._fit({name: _read(Incoming(version.text, version.ref))})
        turned = head.turned_on(note)
        await self.store.put(turned)
        return turned

    async def dependents(self, name: str) -> list[str]:
        """The active runbooks that include this one, and cannot be used while it is off."""
        heads = await self.store.heads()
        return [one.name for one in heads.values() if one.active and name in one.includes]

    async def _taken(self, read: Sequence[tuple[Parsed, Incoming]], note: Note) -> list[Head]:
        await self._fit({parsed.runbook.name: parsed for parsed, _ in read})
        turned = []
        for parsed, incoming in read:
            name = parsed.runbook.name
            head = await self.store.head(name)
            parent = await self._kept(head.ref) if head else None
            origin, place = incoming.origin, incoming.file
            version = await self.store.keep(
                Version.of(parsed, note, origin, place=place, parent=parent)
            )
            if head is None or head.version != version.version:
                head = head.to(version, note) if head else Head.begun(version, note)
                await self.store.put(head)
            turned.append(head)
        return turned

    async def _fit(self, wanted: Mapping[str, Parsed]) -> None:
        """Raises ``SourceError`` where these cannot take their places among the active ones."""
        heads = await self.store.heads()
        beside = [heads[name].ref for name in related(heads, wanted)]
        active = _all_read((await self.store.these(beside)).values())
        current = [heads[name].ref for name in wanted if name in heads and heads[name].active]
        active |= _all_read((await self.store.these(current)).values())
        fit = fitted(active, wanted)
        if fit.problems:
            raise SourceError(fit.problems)

    async def _kept(self, ref: str) -> Version:
        found = await self.store.version(ref)
        if found is None:
            raise NoSuchVersionError(f"there is no version {ref}")
        return found


def _read(incoming: Incoming) -> Parsed:
    if len(incoming.text) > LONGEST:
        raise VersionError(f"{incoming.file}: it is longer than a runbook may be ({LONGEST})")
    return parsed_runbook(incoming.text, file=incoming.file)


def _all_read(versions: Iterable[Version]) -> dict[str, Parsed]:
    """Those that can still be read: a newer Handrail may be stricter than what was stored."""
    read = {}
    for version in versions:
        try:
            read[version.name] = parsed_runbook(version.text, file=version.ref)
        except SourceError:
            continue
    return read


def _not_one(ref: str, name: str, known: Sequence[Version], *, several: bool) -> str:
    versions = ", ".join(one.version for one in known[:10])
    if several:
        return f"more than one version begins with {ref}: {versions}"
    return f"there is no version {ref} ({name} has: {versions or 'none'})"
