"""Files of alerts of another time, as commands read them."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from deploy.home import Home
from services.ingest.app import parser
from services.ingest.history.imported import (
    Imported,
    NotAnAlertError,
    Reading,
    by_now,
    of_alerts,
    of_rows,
    of_webhooks,
)
from services.ingest.history.pieces import Mistake, Piece, pieces
from services.ingest.sources import SOURCES
from services.ingest.webhook import Parse
from shared.config import load_config
from shared.errors import SettingsError

_YAML: Final = frozenset({".yaml", ".yml"})


@dataclass(frozen=True)
class AlertFile:
    """A file, or the standard input as ``-``; ``source`` is whose webhooks are in it."""

    name: str
    source: str | None
    parse: Parse | None

    def read(
        self, stream: io.BufferedReader, *, now: datetime | None = None
    ) -> Iterator[tuple[Imported, ...] | Mistake]:
        """The alerts of each value, or what is wrong with it; one value at a time is in memory.

        What is yet to happen ``now`` is a mistake, where that is given.

        Raises:
            SettingsError: they are bodies of a source that nobody knows.
        """
        if Path(self.name).suffix in _YAML:
            yield Mistake(1, "this is YAML; alerts of another time are JSON Lines, JSON or CSV")
            return
        reading: Reading | None = None
        for piece in pieces(stream, self.name):
            if isinstance(piece, Mistake):
                yield piece
                continue
            reading = reading or self._reading(piece, now)
            try:
                yield reading(piece)
            except NotAnAlertError as error:
                yield Mistake(piece.line, str(error))

    def _reading(self, piece: Piece, now: datetime | None) -> Reading:
        reading = self._any_time(piece)
        return reading if now is None else by_now(reading, now)

    def _any_time(self, piece: Piece) -> Reading:
        because = f"imported from {Path(self.name).name}" if self.name != "-" else "imported"
        if piece.cells is not None:
            return of_rows(self.source, because)
        if self.source is None:
            return of_alerts(because)
        if self.parse is None:
            known = ", ".join(sorted(SOURCES))
            raise SettingsError(
                f"no source {self.source} is in handrail.yaml, and no kind has this name: {known}"
            )
        return of_webhooks(self.source, self.parse, because)

    @contextmanager
    def opened(self) -> Iterator[io.BufferedReader]:
        """The file, or the standard input, which stays open."""
        if self.name == "-":
            piped = io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer))
            try:
                yield cast(io.BufferedReader, piped)
            finally:
                piped.detach()
        else:
            with Path(self.name).open("rb") as stream:
                yield stream


def alert_files(names: list[str], source: str | None) -> list[AlertFile]:
    """The files, whose webhooks are of this source, if they have any.

    Raises:
        SourceError: ``handrail.yaml`` is wrong.
    """
    parse = _parser(source) if source is not None else None
    return [AlertFile(name, source, parse) for name in names]


def _parser(source: str) -> Parse | None:
    """How bodies of a source are read, by its name or its kind; None where nobody knows it."""
    path = Home.of(os.environ).config(os.environ)
    configured = load_config(path).sources.get(source)
    if configured is not None:
        return parser(source, configured)
    return SOURCES.get(source)
