"""A server of the test's own: it remembers what was posted, and answers as it is told."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Other:
    """Another system; ``answers`` are status and JSON, in turn, and then the usual one."""

    url: str = ""
    usual: tuple[int, dict] = (200, {})
    posts: list[tuple[str, dict, bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append((request.path, dict(request.headers), await request.read()))
        status, body = self.answers.pop(0) if self.answers else self.usual
        return web.json_response(body, status=status)


@asynccontextmanager
async def other_system(**more):
    """One on a free port."""
    other = Other(**more)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", other.take)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    other.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    try:
        yield other
    finally:
        await runner.cleanup()
