"""A web server that answers as a test tells it to."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Site:
    """Answers each request with the same; ``requests`` keeps what was asked, as text."""

    url: str = ""
    status: int = 200
    body: bytes = b"ok"
    kind: str = "text/plain"
    requests: list = field(default_factory=list)
    headers: dict = field(default_factory=dict)

    async def answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = [
            int(line.split(":")[1])
            for line in head.splitlines()
            if line.lower().startswith("content-length:")
        ]
        self.requests.append(head + (await reader.readexactly(sum(length))).decode())
        said = {"Content-Type": self.kind, "Content-Length": len(self.body), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{k}: {v}" for k, v in said.items())]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + self.body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def site(**answers):
    """A site on a free port."""
    one = Site(**answers)
    server = await asyncio.start_server(one.answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    one.url = f"http://{host}:{port}"
    try:
        yield one
    finally:
        server.close()
        await server.wait_closed()
