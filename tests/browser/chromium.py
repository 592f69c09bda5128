"""A real Chromium without a window, driven over its own protocol (CDP)."""

import asyncio
import base64
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.programs import program

_LISTENS = re.compile(r"DevTools listening on (ws://\S+)")
_WAIT = 60


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(100)

    async def call(self, method: str, **params: Any) -> Any:
        """A command of the protocol, and its result."""
        return await _call(self._socket, next(self._numbers), method, params, self._session)

    async def evaluate(self, script: str) -> Any:
        """What an expression is on the page; the page itself may run none."""
        said = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def look(self, *, width: int, height: int = 800, dark: bool = False) -> None:
        """Have a screen of this size, with light or dark colours."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until(f"location.href === {url!r} && document.readyState === 'complete'")

    async def until(self, condition: str) -> None:
        """Wait until an expression is true on the page."""
        async with asyncio.timeout(_WAIT):
            while not await self._holds(condition):
                await asyncio.sleep(0.02)

    async def press(self, selector: str) -> None:
        """Press the middle of an element with the mouse, as a person does."""
        await self.evaluate(f"document.querySelector({selector!r}).scrollIntoView()")
        box = await self.evaluate(
            f"(b => [b.x + b.width / 2, b.y + b.height / 2])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            where = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
            await self.call("Input.dispatchMouseEvent", type=kind, **where)

    async def write(self, selector: str, text: str) -> None:
        await self.evaluate(f"document.querySelector({selector!r}).focus()")
        await self.call("Input.insertText", text=text)

    async def picture(self) -> bytes:
        """All of the page as PNG, also what one would scroll to."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    async def _holds(self, condition: str) -> bool:
        # While a page is left for another there is nothing to ask.
        said = await self.call("Runtime.evaluate", expression=condition, returnByValue=True)
        return said["result"].get("value") is True


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Tab]:
    """A browser with an empty profile in ``folder``, and one tab."""
    process = await asyncio.create_subprocess_exec(
        program("chromium", "chromium-browser", "google-chrome"),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        address = await _listening(process)
        async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as ws:
            yield await _tab(ws)
    finally:
        process.terminate()
        await process.communicate()


async def _listening(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(_WAIT):
        async for line in process.stderr:
            if found := _LISTENS.search(line.decode()):
                return found[1]
    raise AssertionError("chromium ended before it could be driven")


async def _tab(socket: aiohttp.ClientWebSocketResponse) -> Tab:
    made = await _call(socket, 1, "Target.createTarget", {"url": "about:blank"})
    target = {"targetId": made["targetId"], "flatten": True}
    session = await _call(socket, 2, "Target.attachToTarget", target)
    tab = Tab(socket, session["sessionId"])
    await tab.call("Page.enable")
    return tab


async def _call(
    socket: aiohttp.ClientWebSocketResponse,
    number: int,
    method: str,
    params: dict[str, Any],
    session: str = "",
) -> Any:
    said = {"id": number, "method": method, "params": params}
    await socket.send_json({**said, "sessionId": session} if session else said)
    async with asyncio.timeout(_WAIT):
        while True:
            answer = await socket.receive_json()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
