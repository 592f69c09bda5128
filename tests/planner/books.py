"""A folder of runbooks, the planners that follow it, and what became of it in the store."""

import os
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.planner.versions.folder import Folder
from services.planner.versions.shelf import Shelf
from shared.runbook.versions import Catalog, MongoVersions, Note

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
ANN = Note("ann", NOW, "it was wrong")
_times = count(1)


def text(name: str, says: str = "one", *, includes: str = "", needs: str = "", title: str = ""):
    """A small runbook; another ``says`` is another version."""
    param = f"params: {{{needs}: {{from: labels.job, required: true}}}}\n" if needs else ""
    step = f"{{id: other, uses: runbook, runbook: {includes}}}" if includes else ACT
    return (
        "apiVersion: handrail/v1\nkind: Runbook\n"
        f"metadata: {{name: {name}, title: {title or name}}}  # {says}\n"
        f"description: It says {says}.\nmatch: {{alerts: [{name}]}}\n{param}"
        f'steps: [{step}]\nverify: [{{uses: local, target: here, run: "true"}}]\n'
    )


ACT = "{id: act, uses: local, target: here, run: date}"


class Books:
    """A folder, its planners, and the store."""

    def __init__(self, db, folder: Path) -> None:
        self.folder = folder
        self.store = MongoVersions(db)
        self.catalog = Catalog(self.store)

    def write(self, file: str, said: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(said.encode())
        # Two writes in one tick of the clock that stamps files are two all the same.
        os.utime(path, ns=(next(_times), next(_times)))

    def remove(self, file: str) -> None:
        (self.folder / file).unlink()

    def planner(self, folder: Path | None = None) -> Shelf:
        """A planner that has just started."""
        return Shelf(
            Folder(folder or self.folder),
            self.store,
            registry=CollectorRegistry(),
            now=lambda: NOW,
        )

    async def active(self) -> dict[str, str]:
        """What the active version of each runbook says."""
        heads = (await self.store.heads()).values()
        found = await self.store.these(head.ref for head in heads if head.active)
        return {version.name: said(version.text) for version in found.values()}


def said(text_: str) -> str:
    """What the text of a version says."""
    return text_.split("# ")[1].split("\n", maxsplit=1)[0]


def used(shelf: Shelf) -> dict[str, str]:
    """What the runbooks say that a planner uses."""
    return {
        one.name: one.content.description.removeprefix("It says ").removesuffix(".")
        for one in shelf.library.runbooks
    }
