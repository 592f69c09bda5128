"""A workspace: a local server that speaks Slack's documented Web API and socket mode."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

TOKEN = "xoxb-toy"
APP_TOKEN = "xapp-toy"


@dataclass
class Workspace:
    """What was called and what stands in it; ``faults`` are answers that come instead, in turn.

    While it ``keeps_quiet``, it takes messages and does not say so.
    """

    url: str = ""
    calls: list[tuple[str, dict]] = field(default_factory=list)
    messages: dict[str, dict] = field(default_factory=dict)
    users: dict[str, dict] = field(default_factory=dict)
    faults: list[tuple[int, dict, dict]] = field(default_factory=list)
    forgets_answer: bool = False
    scopes: bool = True
    keeps_quiet: bool = False
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    acks: asyncio.Queue = field(default_factory=asyncio.Queue)

    def of(self, method: str) -> list[dict]:
        return [arguments for name, arguments in self.calls if name == method]

    def member(self, user_id: str, email: str, **more) -> None:
        self.users[user_id] = {"id": user_id, "profile": {"email": email}, **more}

    async def send(self, kind: str, payload: dict) -> dict:
        """An envelope over the socket; returns what it is acknowledged with."""
        envelope = {"envelope_id": f"e{len(self.calls)}", "type": kind, "payload": payload}
        await self.sockets[-1].send_str(json.dumps(envelope))
        return await asyncio.wait_for(self.acks.get(), 60)

    async def _method(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = await _arguments(request)
        self.calls.append((method, arguments))
        if self.faults:
            status, body, headers = self.faults.pop(0)
            return web.json_response(body, status=status, headers=headers)
        token = APP_TOKEN if method == "apps.connections.open" else TOKEN
        if request.headers.get("Authorization") != f"Bearer {token}":
            return _error("invalid_auth")
        answer = self._answer(method, arguments)
        if self.forgets_answer and answer.get("ok"):
            self.forgets_answer = False
            request.transport.abort()
        if self.keeps_quiet and method == "chat.postMessage":
            await asyncio.Event().wait()
        return web.json_response(answer)

    def _answer(self, method: str, said: dict) -> dict:
        answers = {
            "chat.postMessage": self._posted,
            "chat.update": self._updated,
            "chat.postEphemeral": lambda _: {"ok": True},
            "views.open": lambda _: {"ok": True},
            "users.info": self._user,
            "users.lookupByEmail": self._by_email,
            "conversations.open": lambda said: {"ok": True, "channel": {"id": f"D{said['users']}"}},
            "conversations.history": self._history,
            "conversations.replies": self._history,
            "apps.connections.open": lambda _: {"ok": True, "url": f"ws{self.url[4:]}/socket"},
            "auth.test": lambda _: {"ok": True, "user": "handrail", "team": "Example"},
        }
        return answers[method](said) if method in answers else _no("unknown_method")

    def _user(self, said: dict) -> dict:
        user = self.users.get(said["user"])
        return {"ok": True, "user": user} if user else _no("user_not_found")

    def _by_email(self, said: dict) -> dict:
        known = [u for u in self.users.values() if u["profile"]["email"] == said["email"]]
        return {"ok": True, "user": known[0]} if known else _no("users_not_found")

    def _posted(self, said: dict) -> dict:
        channel = said["channel"]
        if channel == "C404":
            return _no("channel_not_found")
        # Slack answers with the ID, whatever a channel was called by.
        channel = "C0NAMED" if channel.startswith("#") else channel
        channel = f"D{channel}" if channel.startswith("U") else channel
        ts = f"1700000000.{len(self.messages):06}"
        self.messages[f"{channel}/{ts}"] = {**said, "ts": ts, "channel": channel}
        return {"ok": True, "channel": channel, "ts": ts}

    def _updated(self, said: dict) -> dict:
        key = f"{said['channel']}/{said['ts']}"
        if key not in self.messages:
            return _no("message_not_found")
        self.messages[key] |= said
        return {"ok": True, "channel": said["channel"], "ts": said["ts"]}

    def _history(self, said: dict) -> dict:
        if not self.scopes:
            return _no("missing_scope")
        there = [m for m in self.messages.values() if m["channel"] == said["channel"]]
        return {"ok": True, "messages": there}

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        self.connected.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.acks.put_nowait(json.loads(message.data))
        return socket


@asynccontextmanager
async def workspace():
    """A workspace on a free port."""
    slack = Workspace()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack._method)
    app.router.add_get("/socket", slack._socket)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    try:
        yield slack
    finally:
        for socket in slack.sockets:
            await socket.close()
        await runner.cleanup()


async def _arguments(request: web.Request) -> dict:
    if request.method == "GET":
        return dict(request.query)
    if request.content_type == "application/json":
        return await request.json()
    return dict(await request.post())


def _no(error: str) -> dict:
    return {"ok": False, "error": error}


def _error(error: str) -> web.Response:
    return web.json_response(_no(error))
