"""What a command writes while it runs, made fit to be shown: in order, masked, each byte once."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.connectors.protocol import Chunk, Stream
from shared.masking import Mask


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
    """How far one stream is: up to ``seen`` by its own bytes, and to ``at`` as it is shown.

    ``torn`` when what stood before the next text is missing.
    """

    seen: int = 0
    at: int = 0
    rest: str = ""
    torn: bool = False


@dataclass
class Transcript:
    """Turns the chunks of one attempt into pieces.

    What may be the beginning of a secret is kept back until more of the stream has come.
    """

    mask: Mask
    _streams: dict[Stream, _Told] = field(default_factory=dict)

    def add(self, chunk: Chunk, now: datetime) -> list[Piece]:
        """Take in what came; what can be shown now."""
        told = self._streams.setdefault(chunk.stream, _Told())
        missing = chunk.offset - told.seen
        pieces = self._broken(chunk.stream, told, now) if missing > 0 else []
        told.at += max(0, missing)
        # A byte that is no UTF-8 became a longer character: this is the most that it was.
        told.seen = chunk.offset + len(chunk.text.encode())
        text = self.mask.opened(chunk.text) if told.torn and chunk.text else chunk.text
        told.torn = told.torn and not chunk.text
        shown, told.rest = self.mask.settled(told.rest + text)
        return pieces + _piece(chunk.stream, told, shown, now)

    def finish(self, now: datetime) -> list[Piece]:
        """What was kept back, after the last chunk."""
        pieces = []
        for stream, told in self._streams.items():
            shown, told.rest = self.mask(told.rest), ""
            pieces += _piece(stream, told, shown, now)
        return pieces

    def _broken(self, stream: Stream, told: _Told, now: datetime) -> list[Piece]:
        """What was kept back, before a gap: of a secret, either part is no less secret."""
        shown, told.rest, told.torn = self.mask.closed(told.rest), "", True
        return _piece(stream, told, shown, now)


def _piece(stream: Stream, told: _Told, text: str, now: datetime) -> list[Piece]:
    if not text:
        return []
    piece = Piece(stream, told.at, text, now)
    told.at = piece.end
    return [piece]
