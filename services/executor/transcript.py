"""What a command writes while it runs, made fit to be shown: in order, masked, each byte once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.connectors.protocol import Chunk, Stream

Mask = Callable[[str], str]
#: Splits a text in what may be shown by now, masked, and what more may still change.
Settle = Callable[[str], tuple[str, str]]


@dataclass(frozen=True)
class Piece:
    """Some text of one stream.

    ``offset`` counts the bytes (UTF-8) of the shown text before it, those that are left out
    included; so the next piece of a stream begins at ``end``, or something is missing.
    """

    stream: Stream
    offset: int
    text: str
    at: datetime

    @property
    def size(self) -> int:
        return len(self.text.encode())

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass
class _Told:
    """How far one stream is: up to ``seen`` by its own bytes, and to ``at`` as it is shown."""

    seen: int = 0
    at: int = 0
    rest: str = ""


@dataclass
class Transcript:
    """Turns the chunks of one attempt into pieces.

    What may be the beginning of a secret is kept back until more of the stream has come.
    """

    mask: Mask
    settle: Settle
    _streams: dict[Stream, _Told] = field(default_factory=dict)

    def add(self, chunk: Chunk, now: datetime) -> list[Piece]:
        """Take in what came; what can be shown now."""
        told = self._streams.setdefault(chunk.stream, _Told())
        missing = chunk.offset - told.seen
        pieces = self._released(chunk.stream, told, now) if missing > 0 else []
        told.at += max(0, missing)
        # A byte that is no UTF-8 became a longer character: this is the most that it was.
        told.seen = chunk.offset + len(chunk.text.encode())
        shown, told.rest = self.settle(told.rest + chunk.text)
        return pieces + _piece(chunk.stream, told, shown, now)

    def finish(self, now: datetime) -> list[Piece]:
        """What was kept back, after the last chunk."""
        return [
            piece
            for stream, told in self._streams.items()
            for piece in self._released(stream, told, now)
        ]

    def _released(self, stream: Stream, told: _Told, now: datetime) -> list[Piece]:
        shown, told.rest = self.mask(told.rest), ""
        return _piece(stream, told, shown, now)


def holding(mask: Mask, count: int) -> Settle:
    """Keeps ``count`` characters back: a secret may stand across the border of two chunks."""

    def settle(text: str) -> tuple[str, str]:
        border = max(0, len(text) - count)
        return mask(text[:border]), text[border:]

    return settle


def _piece(stream: Stream, told: _Told, text: str, now: datetime) -> list[Piece]:
    if not text:
        return []
    piece = Piece(stream, told.at, text, now)
    told.at = piece.end
    return [piece]
