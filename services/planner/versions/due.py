"""Which runbooks have to follow their files: the files win, each time that they change."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.planner.versions.folder import Seen
from shared.runbook.runbook import Parsed
from shared.runbook.versions.version import Head

#: What this process took over of its files: paths and versions by the names of runbooks.
Settled = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Due:
    """What has to be done, each runbook with the path of its file.

    Attributes:
        changed: files that say something new, or are back.
        moved: files with the text that is known, under another path.
        gone: runbooks whose file is not there any more.
    """

    changed: Mapping[str, tuple[str, Parsed]]
    moved: Mapping[str, str]
    gone: tuple[str, ...]


def due(seen: Seen, heads: Mapping[str, Head], settled: Settled | None) -> Due:
    """What follows from the files.

    A process that has just started (``settled`` is None) compares them with what any process has
    taken over before. Later only those count that changed before its own eyes: of two planners with
    different files, as in the middle of an upgrade, none takes back what the other one did.
    """
    changed: dict[str, tuple[str, Parsed]] = {}
    moved: dict[str, str] = {}
    for name, (path, parsed) in seen.runbooks.items():
        version, head = parsed.runbook.version, heads.get(name)
        if settled is not None and settled.get(name) == (path, version):
            continue
        if head is None or head.gone or head.file_version != version:
            changed[name] = path, parsed
        elif head.file != path:
            moved[name] = path
    known = heads if settled is None else settled
    gone = tuple(name for name in known if name in heads and _lost(heads[name], seen))
    return Due(changed, moved, gone)


def _lost(head: Head, seen: Seen) -> bool:
    """Whether a runbook had a file and has none; one that is wrong now may still be its own."""
    had = head.file is not None and not head.gone
    return had and head.name not in seen.runbooks and head.file not in seen.wrong
