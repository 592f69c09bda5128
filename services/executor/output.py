"""What commands write, on its way to people: live on the bus, in chunks while they run, then whole.

Nothing here keeps a command waiting: the bus is told and not asked, the store is written to beside
it, and of what a slow store has not taken yet, no more is remembered than would be kept anyway.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.executor.moves import Result, Wrote
from services.executor.session import Session
from services.executor.transcript import Piece, Transcript
from shared.connectors.protocol import Chunk, Stream, Usage
from shared.connectors.transcript import left_out
from shared.errors import UnavailableError
from shared.masking import Mask

log = structlog.get_logger(__name__)

#: While a command runs, so many bytes from the beginning of each stream are kept, and of its end.
HEAD: Final = 128 * 1024
TAIL: Final = 128 * 1024
#: What was written is stored after so long, or when it is so many bytes.
FLUSH_AFTER: Final = timedelta(seconds=0.25)
FLUSH_AT: Final = 32 * 1024
#: A store that does not answer for this long is left alone until the next flush.
PATIENCE: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class Attempt:
    """Whose output it is; of two owners of one attempt, the one with the higher fence counts."""

    session_id: UUID
    step_id: str
    attempt: int
    fence: int
    claimed: int = 0

    @property
    def is_taken_over(self) -> bool:
        """Whether an earlier owner may have begun it."""
        return self.fence > (self.claimed or self.attempt)


@dataclass(frozen=True)
class Whole:
    """All that an attempt wrote, capped; ``cut`` says that its middle is missing."""

    stdout: str
    stderr: str
    exit_code: int | None
    started_at: datetime | None
    ended_at: datetime
    usage: Usage | None

    @property
    def cut(self) -> bool:
        return bool(left_out(self.stdout) or left_out(self.stderr))


class Store(Protocol):
    """See ``store.MongoOutput``."""

    async def add(
        self, attempt: Attempt, pieces: Sequence[Piece], gone: Sequence[tuple[Stream, int]]
    ) -> None: ...
    async def replace(self, attempt: Attempt, whole: Whole, *, chunks: bool) -> None: ...


class Tell(Protocol):
    """See ``shared.bus.Bus.tell``."""

    async def __call__(self, subject: str, body: bytes) -> None: ...


def subject(session_id: UUID) -> str:
    """Where whoever listens hears what the commands of a session write."""
    return f"output.{session_id}"


@dataclass
class Window:
    """What of one stream is to be stored, and what of the stored is not wanted any more.

    ``size`` is how many bytes are to be stored.
    """

    size: int = 0
    _head: deque[Piece] = field(default_factory=deque)
    _tail: deque[Piece] = field(default_factory=deque)
    _stored: deque[Piece] = field(default_factory=deque)
    _end: int = 0

    def add(self, piece: Piece) -> None:
        (self._head if piece.offset < HEAD else self._tail).append(piece)
        self.size += piece.size
        self._end = max(self._end, piece.end)
        while self._tail and self._is_gone(self._tail[0]):
            self.size -= self._tail.popleft().size

    def taken(self) -> list[Piece]:
        """What is to be stored, in pieces of a good size; it counts as stored."""
        pieces: list[list[Piece]] = []
        size = 0
        for piece in (*self._head, *self._tail):
            size += piece.size
            if pieces and pieces[-1][-1].end == piece.offset and size <= FLUSH_AT:
                pieces[-1].append(piece)
            else:
                pieces.append([piece])
                size = piece.size
        joined = [_joined(each) for each in pieces]
        self._head.clear()
        self._tail.clear()
        self.size = 0
        # The head is never given up.
        self._stored.extend(piece for piece in joined if piece.offset >= HEAD)
        return joined

    def given_up(self) -> list[int]:
        """The offsets of stored pieces that are in the middle by now."""
        gone = []
        while self._stored and self._is_gone(self._stored[0]):
            gone.append(self._stored.popleft().offset)
        return gone

    def put_back(self, pieces: Sequence[Piece]) -> None:
        """Take back what could not be stored."""
        offsets = {piece.offset for piece in pieces}
        self._stored = deque(piece for piece in self._stored if piece.offset not in offsets)
        for piece in reversed(pieces):
            (self._head if piece.offset < HEAD else self._tail).appendleft(piece)
            self.size += piece.size

    def _is_gone(self, piece: Piece) -> bool:
        return piece.end <= self._end - TAIL


class Live:
    """The output of one attempt while it runs."""

    def __init__(
        self,
        attempt: Attempt,
        transcript: Transcript,
        *,
        started_at: datetime | None,
        store: Store,
        tell: Tell,
        now: Callable[[], datetime],
    ) -> None:
        self._attempt = attempt
        self._transcript = transcript
        self._started_at = started_at
        self._store = store
        self._tell = tell
        self._now = now
        self._windows = {stream: Window() for stream in Stream}
        self._wake = asyncio.Event()
        self._ending = False
        self._writer: asyncio.Task[None] | None = None
        self._stored = False
        self._complained = False

    async def add(self, chunk: Chunk) -> None:
        """Take in what a command wrote; never waits for anybody."""
        await self._show(self._transcript.add(chunk, self._now()))

    async def end(self, result: Result | None) -> None:
        """Keep all that the attempt wrote in place of its chunks, or these where there is no all.

        Best effort, and not for long: the end of a step does not wait for its output.
        """
        await self._show(self._transcript.finish(self._now()))
        self._ending = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
        if result is None or result.wrote is None:
            await self._flush()
        elif result.wrote.text or self._stored or self._attempt.is_taken_over:
            await self._kept(self._whole(result, result.wrote))

    async def _show(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            await self._tell(subject(self._attempt.session_id), _told(self._attempt, piece))
            self._windows[piece.stream].add(piece)
        if pieces and self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="output")
        if sum(window.size for window in self._windows.values()) >= FLUSH_AT:
            self._wake.set()

    async def _write(self) -> None:
        while not self._ending:
            # Whichever comes first: enough of it, or the time.
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_AFTER.total_seconds()):
                    await self._wake.wait()
            self._wake.clear()
            if not self._ending:
                await self._flush()

    async def _flush(self) -> None:
        taken = {stream: window.taken() for stream, window in self._windows.items()}
        pieces = [piece for of_stream in taken.values() for piece in of_stream]
        if not pieces:
            return
        gone = [(s, offset) for s, window in self._windows.items() for offset in window.given_up()]
        if await self._done(self._store.add(self._attempt, pieces, gone)):
            self._stored = True
            return
        for stream, window in self._windows.items():
            window.put_back(taken[stream])

    async def _kept(self, whole: Whole) -> None:
        chunks = self._stored or self._attempt.is_taken_over
        await self._done(self._store.replace(self._attempt, whole, chunks=chunks))

    async def _done(self, write: Awaitable[None]) -> bool:
        """Whether the store did it; a store that does not is complained of once."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                await write
        except (UnavailableError, TimeoutError) as error:
            if not self._complained:
                log.warning("output.not_kept", step_id=self._attempt.step_id, reason=repr(error))
            self._complained = True
            return False
        return True

    def _whole(self, result: Result, wrote: Wrote) -> Whole:
        return Whole(
            stdout=wrote.stdout,
            stderr=wrote.stderr,
            exit_code=result.exit_code,
            started_at=self._started_at,
            ended_at=self._now(),
            usage=wrote.usage,
        )


@dataclass(frozen=True)
class Outputs:
    """Where the output of every attempt goes."""

    store: Store
    tell: Tell
    mask: Mask
    now: Callable[[], datetime]

    def live(self, session: Session, step_id: str) -> Live:
        """The output of an attempt that begins, or that somebody else began."""
        run = session.run(step_id)
        return Live(
            Attempt(session.id, step_id, run.attempt, run.fence, run.claimed),
            Transcript(self.mask),
            started_at=run.started_at,
            store=self.store,
            tell=self.tell,
            now=self.now,
        )


def _joined(pieces: Sequence[Piece]) -> Piece:
    first, last = pieces[0], pieces[-1]
    return Piece(first.stream, first.offset, "".join(each.text for each in pieces), last.at)


def _told(attempt: Attempt, piece: Piece) -> bytes:
    return json.dumps(
        {
            "step_id": attempt.step_id,
            "attempt": attempt.attempt,
            "stream": piece.stream.value,
            "offset": piece.offset,
            "text": piece.text,
            "at": piece.at.isoformat(),
        }
    ).encode()
