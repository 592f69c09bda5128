"""Conditions that tests wait for."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within: float = 60) -> None:
    """Return as soon as the condition is true; fail when it is not in time (seconds)."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def processes_of(home: Path) -> list[int]:
    """The processes whose command line or environment names this folder, less this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if str(home).encode() in said and alive(int(entry.name)):
            found.append(int(entry.name))
    return found
