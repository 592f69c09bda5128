"""Somebody who changes runbooks in every way there is; also a process of its own.

As a program: ``python -m tests.planner.changers MONGO_URL DATABASE FOLDER SEED``.
"""

import asyncio
import random
import sys
from contextlib import suppress
from pathlib import Path

from shared.runbook.versions import Incoming, Version, VersionError
from shared.store import Database, connect
from shared.yamlsource import SourceError
from tests.planner.books import ANN, Books, text

NAMES = ("a", "b", "c")
SAYS = ("one", "two", "three")
WAYS = ("write", "write", "remove", "break", "look", "look", "restart", "edit", "edit", "activate")
WAYS += ("activate", "rollback", "rollback", "off", "on", "fork")
STEPS = 60


class Changer:
    """Runs a planner, and does what people do; what is refused is refused."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.books = Books(db, folder)
        self.shelf = self.books.planner()
        self.seen: dict[str, Version] = {}

    async def does(self, way: str, name: str, says: str) -> None:
        with suppress(VersionError, SourceError):
            await self._does(way, name, says)
        for version in await self.books.store.of(name):
            assert self.seen.setdefault(version.ref, version) == version

    async def _does(self, way: str, name: str, says: str) -> None:  # noqa: C901 a table of ways
        catalog = self.books.catalog
        match way:
            case "write":
                self.books.write(f"{name}.yaml", text(name, says))
            case "break":
                self.books.write(f"{name}.yaml", "no: runbook")
            case "remove":
                (self.books.folder / f"{name}.yaml").unlink(missing_ok=True)
            case "look":
                await self.shelf.look()
            case "restart":
                self.shelf = self.books.planner()
                await self.shelf.look()
            case "edit":
                await catalog.edit(name, Incoming(text(name, f"edited {says}"), "new"), ANN)
            case "activate":
                known = await self.books.store.of(name)
                if known:
                    await catalog.activate(known[SAYS.index(says) % len(known)].ref, ANN)
            case "rollback":
                await catalog.roll_back(name, ANN)
            case "on":
                await catalog.turn_on(name, ANN)
            case "off":
                await catalog.turn_off(name, ANN)
            case "fork":
                await catalog.fork(name, NAMES[SAYS.index(says)], ANN)

    async def settles(self) -> None:
        """Its planner follows everything that happened."""
        for _ in range(3):
            await self.shelf.look()


async def main(url: str, database: str, folder: str, seed: str) -> None:
    chance, client = random.Random(seed), connect(url)
    changer = Changer(client.get_database(database), Path(folder))
    for _ in range(STEPS):
        way, name, says = chance.choice(WAYS), chance.choice(NAMES), chance.choice(SAYS)
        await changer.does(way, name, says)
    sys.stdout.write(" ".join(sorted(changer.seen)))
    client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
