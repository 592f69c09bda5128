"""What a command writes while it runs, masked, capped and kept where people can watch it."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from shared.connectors.protocol import Chunk, Stream
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

#: Of each stream, the last so many characters are shown while the command runs.
MOST: Final = 64 * 1024

Show = Callable[[str, str], Awaitable[None]]


class Transcript:
    """Collects the chunks of one attempt; showing is best effort, the end has all that counts.

    ``hold`` characters of each stream are kept back until more comes: a secret may stand across the
    border of two chunks, and could not be recognised by its first half.
    """

    def __init__(self, mask: Callable[[str], str], show: Show, *, hold: int) -> None:
        self._mask = mask
        self._show = show
        self._hold = hold
        self._texts = {Stream.STDOUT: "", Stream.STDERR: ""}

    async def add(self, chunk: Chunk) -> None:
        text = self._texts[chunk.stream] + chunk.text
        self._texts[chunk.stream] = text[-(MOST + self._hold) :]
        shown = [self._mask(self._settled(stream)) for stream in (Stream.STDOUT, Stream.STDERR)]
        try:
            await self._show(*shown)
        except UnavailableError as error:
            log.warning("output.not_shown", reason=str(error))

    def _settled(self, stream: Stream) -> str:
        text = self._texts[stream]
        return text[: len(text) - self._hold] if self._hold else text
