"""``run.json``: where a running installation is found, and the lock that keeps it the only one."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.errors import HandrailError

_NAME: Final = "run.json"
_LOCK: Final = "up.lock"


class AlreadyRunningError(HandrailError):
    """Handrail runs in this home already."""


class RunningService(BaseModel):
    """One service: where it listens, and the process that it runs in just now or at first."""

    model_config = ConfigDict(frozen=True)

    url: str
    port: int
    pid: int | None


class Run(BaseModel):
    """What runs, as other commands need it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    started_at: AwareDatetime
    nats_url: str
    mongo_url: str
    public_url: str
    config: Path | None
    services: dict[str, RunningService]
    servers: dict[str, int | None]


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Be the only one that runs in this home; the system lets go of it however this one ends.

    Raises:
        AlreadyRunningError: another one is.
    """
    descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(
                f"Handrail is running in {home} already{_as_whom(home)}; "
                "set HANDRAIL_HOME to run another one",
            ) from None
        yield


@contextmanager
def announced(home: Path, run: Run) -> Iterator[None]:
    """Let other commands find what runs, for as long as the context is open."""
    path = home / _NAME
    unfinished = path.with_name(f"{_NAME}.new")
    # A URL may carry a password.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(run.model_dump_json(indent=2) + "\n")
    unfinished.replace(path)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def found(home: Path) -> Run | None:
    """What runs in this home; None when nothing does, or it was killed without a chance to say."""
    try:
        run = Run.model_validate_json((home / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return run if _alive(run.pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _as_whom(home: Path) -> str:
    run = found(home)
    return f" (process {run.pid})" if run else ""
