"""A command's output as it comes in: in order, each byte once, capped, passed on as text."""

import re
from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import Final

from shared.connectors.protocol import Chunk, OnOutput, Stream

#: A chunk has at most this many bytes, so that it fits into an event or a document.
CHUNK_MOST: Final = 64 * 1024

_NOTICE: Final = "\n[{} bytes are left out here]\n"
_NOTICED: Final = re.compile(re.escape(_NOTICE).replace(r"\{\}", r"(\d+)"))


class Capped:
    """The beginning and the end of a stream of bytes, half of ``kept`` each."""

    def __init__(self, kept: int) -> None:
        self.total = 0
        self._half = kept // 2
        self._head = bytearray()
        self._tail = bytearray()

    def feed(self, data: bytes) -> None:
        room = self._half - len(self._head) if len(self._head) == self.total else 0
        self.total += len(data)
        self._head += data[:room]
        self._tail += data[room:]
        # Dropped in large pieces: cutting at each feed would copy the tail each time.
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def skip(self, count: int) -> None:
        """Take note of bytes that are lost; what came before them is no longer the end."""
        self.total += count
        self._tail.clear()

    @property
    def missing(self) -> int:
        end = min(len(self._tail), self._half)
        return 0 if self.whole else self.total - len(self._head) - end

    @property
    def whole(self) -> bool:
        return self.total == len(self._head) + len(self._tail) <= 2 * self._half

    def content(self) -> bytes:
        """All bytes, or both ends with a line between them that says how many are missing."""
        if self.whole:
            return bytes(self._head + self._tail)
        notice = _NOTICE.format(self.missing).encode()
        return bytes(self._head + notice + self._tail[-self._half :])

    def text(self) -> str:
        return self.content().decode(errors="replace")


def left_out(text: str) -> int:
    """How many bytes are missing in the middle of a capped output."""
    found = _NOTICED.search(text)
    return int(found[1]) if found else 0


def ends(text: str) -> tuple[str, str, str]:
    """Both ends of a capped output with the notice between them; or all of one that is whole."""
    found = _NOTICED.search(text)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


class StreamTranscript:
    """One of the two outputs of a command."""

    def __init__(self, stream: Stream, kept: int, on_output: OnOutput | None) -> None:
        self.offset = 0
        self._stream = stream
        self._capped = Capped(kept)
        self._on_output = on_output
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")

    async def absorb(self, start: int, data: bytes) -> None:
        """Take in what the stream has at ``start``; what was seen already is passed over."""
        if start > self.offset:
            await self.finish()
            self._capped.skip(start - self.offset)
            self.offset = start
        fresh = data[max(0, self.offset - start) :]
        self._capped.feed(fresh)
        for at in range(0, len(fresh), CHUNK_MOST):
            await self._pass_on(fresh[at : at + CHUNK_MOST], final=False)

    async def finish(self) -> None:
        """Pass on what is left of a character whose rest never came."""
        await self._pass_on(b"", final=True)

    def text(self) -> str:
        return self._capped.text()

    async def _pass_on(self, data: bytes, *, final: bool) -> None:
        begins = self.offset - len(self._decoder.getstate()[0])
        text = self._decoder.decode(data, final)
        self.offset += len(data)
        if text and self._on_output is not None:
            await self._on_output(Chunk(self._stream, begins, text))


@dataclass(frozen=True)
class Transcript:
    """Both outputs of a command."""

    stdout: StreamTranscript
    stderr: StreamTranscript

    @classmethod
    def of(cls, kept: int, on_output: OnOutput | None) -> "Transcript":
        return cls(
            StreamTranscript(Stream.STDOUT, kept, on_output),
            StreamTranscript(Stream.STDERR, kept, on_output),
        )

    async def finish(self) -> None:
        await self.stdout.finish()
        await self.stderr.finish()
