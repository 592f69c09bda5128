"""What stands between an executor and a host: a network that can be cut, a sudo that asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

#: Asks as sudo does, and runs the program as who it runs as itself; says whom it was asked for.
SUDO = """\
#!/bin/sh
password= prompt= user=root
while [ "$1" != -- ]; do
  case $1 in
    -S) asks=1 ;;
    -p) prompt=$2; shift ;;
    -u) user=$2; shift ;;
    -n) silent=1 ;;
  esac
  shift
done
shift
here=$(dirname "$0")
echo "$*" >>"$here/sudo.log"
if [ -e "$here/password" ]; then
  [ -z "$silent" ] || { echo "sudo: a password is required" >&2; exit 1; }
  read -r wanted <"$here/password"
  tries=0
  while printf %s "$prompt" >&2; do
    IFS= read -r given || { echo "sudo: no password was provided" >&2; exit 1; }
    tries=$((tries + 1))
    echo "$tries" >"$here/tries"
    [ "$given" = "$wanted" ] && break
    echo "Sorry, try again." >&2
  done
fi
SUDO_AS=$user exec "$@"
"""


def put_sudo(folder: Path, password: str | None = None) -> None:
    """A sudo in a folder of PATH; with a password it asks for it."""
    (folder / "sudo").write_text(SUDO)
    (folder / "sudo").chmod(0o755)
    if password is not None:
        (folder / "password").write_text(f"{password}\n")


class Network:
    """A way to a port on this machine that can be cut and mended; ``port`` is its beginning.

    ``laid_lines`` counts the connections so far, ``refused`` those that found it cut.
    """

    def __init__(self, to: int) -> None:
        self.port = 0
        self.refused = 0
        self.laid_lines = 0
        self._to = to
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._lines: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Network"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._lines, return_exceptions=True)

    def cut(self) -> None:
        """Every connection breaks, and no new one is made."""
        self._is_cut = True
        for line in self._lines:
            line.cancel()

    def mend(self) -> None:
        self._is_cut = False
        self._flows.set()

    def freeze(self) -> None:
        """Nothing comes through any more, and nobody is told of it."""
        self._flows.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            self.refused += 1
            writer.transport.abort()
            return
        self.laid_lines += 1
        line = asyncio.ensure_future(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await line

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(64 * 1024):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            writer.close()
