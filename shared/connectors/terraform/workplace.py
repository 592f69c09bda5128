"""What one job needs on disk: its saved plan and its variables, for its owner's eyes only."""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workplace:
    """A directory named after a job's key. A saved plan may hold secrets."""

    directory: Path

    @property
    def plan(self) -> Path:
        return self.directory / "plan"

    def write(self, name: str, content: bytes) -> Path:
        """Write a file whole or not at all."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        target, half = self.directory / name, self.directory / f".{name}"
        half.write_bytes(content)
        half.replace(target)
        return target

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
