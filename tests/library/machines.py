"""Machines with exactly the programs that a runbook needs: real ones, and stand-ins with state.

A stand-in (``tools/``) keeps what it knows in files under ``state/``, speaks like the real program
for the calls that runbooks make, and does by a file in ``hooks/`` what a test wants it to come to.
"""

import shutil
from pathlib import Path

from shared.connectors.local import LocalConnector

_TOOLS = Path(__file__).parent / "tools"
#: What every machine has.
_PROGRAMS = """
awk basename cat chmod cp curl cut date dd dirname du env expr find grep head id kill ln ls mkdir
mktemp mv nl openssl printf prlimit ps pwd readlink rm sed seq setsid sh sleep sort stat tail tee
test timeout touch tr true uname uniq wc xargs
"""
_REAL = tuple(_PROGRAMS.split())


class Machine:
    """One target. ``root`` is a directory of its own."""

    def __init__(self, root: Path, *tools: str) -> None:
        self.root = root
        self.state = root / "state"
        for name in ("bin", "real", "state", "hooks"):
            (root / name).mkdir(parents=True)
        for name in _REAL:
            if (found := shutil.which(name)) is not None:
                (root / "real" / name).symlink_to(found)
        for name in tools:
            (root / "bin" / name).symlink_to(_TOOLS / name)

    def write(self, name: str, text: str) -> None:
        """Put a file into the state."""
        path = self.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        return (self.state / name).read_text()

    def hook(self, name: str, script: str) -> None:
        """What a stand-in does beside what it always does; it runs in the state's directory."""
        (self.root / "hooks" / name).write_text(script)

    def says(self, name: str, text: str) -> None:
        """A program that only tells something."""
        self.write(f"says/{name}", text)
        self._stand_in(name, "says")

    def ends(self, name: str, exit_code: int) -> None:
        """A program of which only the exit code matters."""
        self.write(f"ends/{name}", f"{exit_code}\n")
        self._stand_in(name, "ends")

    def unit(self, name: str, state: str = "active") -> None:
        self.write(f"units/{name}.service", f"{state} 1\n")

    def files(self) -> dict[str, str]:
        """All of the state, by the names of its files."""
        found = (path for path in self.state.rglob("*") if path.is_file())
        return {str(path.relative_to(self.state)): path.read_text() for path in found}

    def connector(self) -> "MachineConnector":
        return MachineConnector(self.root)

    def _stand_in(self, name: str, tool: str) -> None:
        link = self.root / "bin" / name
        if not link.is_symlink():
            link.symlink_to(_TOOLS / tool)


class MachineConnector(LocalConnector):
    """The product's own way to run things, with nothing on PATH but what the machine has."""

    def __init__(self, root: Path) -> None:
        environment = {"PATH": f"{root}/bin:{root}/real", "HOME": str(root), "LC_ALL": "C.UTF-8"}
        super().__init__(root / "claims", environment=environment)
