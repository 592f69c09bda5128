"""Machines with exactly the programs that a runbook needs: real ones, and stand-ins with state.

A stand-in (``tools/``) keeps what it knows in files under ``state/``, speaks like the real program
for the calls that runbooks make, and does by a file in ``hooks/`` what a test wants it to come to.
"""

import subprocess
from pathlib import Path

from shared.connectors.local import LocalConnector
from tests.programs import program

_TOOLS = Path(__file__).parent / "tools"
#: What every machine has, by Debian's packages.
_PROGRAMS = {
    "coreutils": """
        basename cat chmod cp cut date dd dirname du env expr head id ln ls mkdir mktemp mv nl
        printf pwd readlink rm seq sleep sort stat tail tee test timeout touch tr true uname uniq wc
    """,
    "curl": "curl",
    "dash": "sh",
    "findutils": "find xargs",
    "grep": "grep",
    "mawk": "awk",
    "openssl": "openssl",
    "procps": "kill ps",
    "sed": "sed",
    "util-linux": "prlimit setsid",
}


class Machine:
    """One target. ``root`` is a directory of its own."""

    def __init__(self, root: Path, *tools: str) -> None:
        self.root = root
        self.state = root / "state"
        for name in ("bin", "real", "state", "hooks"):
            (root / name).mkdir(parents=True)
        for package, names in _PROGRAMS.items():
            for name in names.split():
                (root / "real" / name).symlink_to(program(name, package=package))
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


def started(*command: str) -> subprocess.Popen:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def changed(before, site):
    """The files of a site that are not as they were."""
    after = site.files()
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
