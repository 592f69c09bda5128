"""A way to a database that is cut at a chosen moment, once."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Way:
    """``when`` is what the client says at that moment, once it has said ``behind``.

    With ``after`` the server gets it and answers, and the answer is lost; else it gets nothing.
    """

    to: int
    when: bytes
    after: bool
    behind: bytes = b""
    port: int = 0
    met: bool = False
    cuts: int = 0
    _tasks: set = field(default_factory=set)

    async def __call__(self, reader, writer):
        there, away = await asyncio.open_connection("127.0.0.1", self.to)
        cut = asyncio.Event()
        ways = [
            asyncio.ensure_future(self._up(reader, away, cut)),
            asyncio.ensure_future(self._down(there, writer, cut)),
        ]
        self._tasks.update(ways)
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ways:
                task.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in (writer, away):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _up(self, reader, writer, cut):
        while data := await reader.read(65536):
            self.met = self.met or self.behind in data
            if self.met and self.when in data and not self.cuts:
                self.cuts += 1
                if not self.after:
                    return
                cut.set()
            writer.write(data)
            await writer.drain()

    async def _down(self, reader, writer, cut):
        while data := await reader.read(65536):
            if cut.is_set():
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def way(to, when, *, after, behind=b""):
    one = Way(to, when, after, behind)
    server = await asyncio.start_server(one, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await server.wait_closed()
