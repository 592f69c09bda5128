"""Vectors in a file, so that each text is embedded once; several processes may share it."""

import sqlite3
from array import array
from contextlib import closing
from pathlib import Path
from typing import Final

from shared.runbook.search.directions import Vector

_TABLE: Final = "CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL)"
_BUSY_SECONDS: Final = 30.0


class VectorFile:
    """Vectors under their keys; made when the first one is kept. 32-bit floats."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: dict[str, Vector] = dict(_all(path))

    def get(self, key: str) -> Vector | None:
        return self._read.get(key)

    def keep(self, key: str, vector: Vector) -> None:
        self._read[key] = vector
        self._path.parent.mkdir(parents=True, exist_ok=True)
        row = (key, array("f", vector).tobytes())
        with closing(_opened(self._path)) as file, file:
            file.execute(_TABLE)
            file.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", row)


def _all(path: Path) -> list[tuple[str, Vector]]:
    if not path.is_file():
        return []
    with closing(_opened(path)) as file, file:
        file.execute(_TABLE)
        rows = file.execute("SELECT key, vector FROM vectors").fetchall()
    return [(key, array("f", blob)) for key, blob in rows]


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    # What is lost is embedded again.
    file.execute("PRAGMA synchronous = OFF")
    return file
