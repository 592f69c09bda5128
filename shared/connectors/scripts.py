"""The POSIX shell scripts that run on a target, as the texts that are sent there."""

from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "scripts"

#: What each script is put together from.
_PARTS: Final = {
    "launch": ("ours", "common", "launch"),
    "wrap": ("ours", "ending", "wrap"),
    "look": ("ours", "common", "look"),
    "cancel": ("ours", "common", "ending", "cancel"),
    "void": ("ours", "common", "void"),
    "sweep": ("ours", "common", "sweep"),
    "read": ("read",),
}


@cache
def script(name: str) -> str:
    """The text of a script, without the comments that are meant for people here."""
    lines = [
        line.strip()
        for part in _PARTS[name]
        for line in (_FOLDER / f"{part}.sh").read_text(encoding="utf-8").splitlines()
    ]
    return "\n".join(line for line in lines if line and not line.startswith("#"))
