"""What the doctor says of one thing that it looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what there is to say about it."""

    level: Level
    what: str
    told: str


def fine(what: str, told: object) -> Finding:
    return Finding(Level.OK, what, str(told))


def note(what: str, told: object) -> Finding:
    return Finding(Level.NOTE, what, str(told))


def wrong(what: str, told: object) -> Finding:
    return Finding(Level.WRONG, what, str(told))
