"""The end of what runs under a claim on this machine."""

import asyncio
import signal
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Final

import structlog

from shared.connectors.answer import SETTLED, State
from shared.connectors.local import groups
from shared.connectors.local.folder import Folder
from shared.connectors.protocol import TargetUnusableError

log = structlog.get_logger(__name__)

#: A group has this long before it is killed, and then to be gone.
GRACE: Final = timedelta(seconds=2)
GONE_WITHIN: Final = timedelta(seconds=5)

_LOOK: Final = timedelta(seconds=0.05)


async def cancelled(first: Folder) -> bool:
    """End what runs under a claim, or see to it that it never starts; see ``Connector.cancel``."""
    folder = _taken(first)
    standing = folder.standing()
    if standing.state is State.RUNNING:
        folder.mark("cancelled")
    if standing.state is State.RUNNING or standing.group:
        await _become(lambda: folder.group() is not None or not _runs(folder))
        await _end(folder)
    log.info("claim.cancelled", key=first.path.name, state=folder.standing().state)
    standing = folder.standing()
    return standing.state in SETTLED and not (standing.group and groups.lives(standing.group))


def _taken(first: Folder) -> Folder:
    """The claim as it counts: one that nobody has is taken, and what has not started never will."""
    try:
        Folder.claimed(first.path, first.head)
        folder = first.latest()
        while folder.standing().state is State.VOID:
            Folder.claimed(folder.next_path, first.head)
            folder = folder.latest()
    except OSError as error:
        raise TargetUnusableError(f"it cannot be cancelled: {error}") from error
    folder.start_as(State.CANCELLED, "cancel")
    return folder


async def _end(folder: Folder) -> None:
    group = folder.group()
    if group is None:
        return
    groups.end(group, signal.SIGTERM)
    if not await _become(lambda: not groups.lives(group), within=GRACE):
        groups.end(group, signal.SIGKILL)
    await _become(lambda: not groups.lives(group) and not _runs(folder))


def _runs(folder: Folder) -> bool:
    return folder.standing().state is State.RUNNING


async def _become(holds: Callable[[], bool], *, within: timedelta = GONE_WITHIN) -> bool:
    until = monotonic() + within.total_seconds()
    while not holds():
        if monotonic() >= until:
            return False
        await asyncio.sleep(_LOOK.total_seconds())
    return True
