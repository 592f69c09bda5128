"""Real PostgreSQL and MariaDB servers, on free ports, for as long as a test run needs them."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import pytest

from deploy.ports import free_port

PASSWORD = "pw-5ecret-canary"
USER = "handrail"
_START = 120.0


@dataclass
class Server:
    """A database server; ``USER`` may do everything in the database ``shop``."""

    engine: str
    port: int
    log: Path
    admin: list

    def statement(self, text: str) -> str:
        """Run something as the server's own administrator."""
        done = subprocess.run(
            [*self.admin, text], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Debian's `postgresql`."""
    with _folder("postgres") as folder:
        yield from _postgresql(folder)


def _postgresql(folder: Path) -> Iterator[Server]:
    initdb, postgres = _program("initdb"), _program("postgres")
    _as_somebody(
        [initdb, "-D", folder / "data", "-U", "admin", "-A", "trust", "--no-sync", "-E", "UTF8"]
    )
    (folder / "data" / "pg_hba.conf").write_text(
        f"local all all trust\nhost all {USER} 127.0.0.1/32 scram-sha-256\n"
        "host all all 127.0.0.1/32 trust\n"
    )
    port = free_port(0)
    line = [postgres, "-D", folder / "data", "-p", port, "-k", folder]
    options = ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=30")
    line += [word for option in options for word in ("-c", option)]
    admin = [_program("psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "admin", "-X", "-q", "-A"]
    admin += ["-t", "-d", "shop", "-c"]
    with _running(line, folder, port):
        server = Server("postgresql", port, folder / "log", admin)
        plain = [*admin[:-3], "-d", "postgres", "-c"]
        _answers([*plain, "SELECT 1"])
        for text in (
            f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'",
            f"CREATE DATABASE shop OWNER {USER}",
        ):
            subprocess.run([*plain, text], check=True, timeout=60)
        yield server


def _answers(asked: list[str]) -> None:
    """Wait until a server does not only listen any more: on a busy machine it takes its time."""
    until = time.monotonic() + 60
    while (said := subprocess.run(asked, capture_output=True, check=False)).returncode:
        assert time.monotonic() < until, said.stderr
        time.sleep(0.1)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """Debian's `mariadb-server`."""
    with _folder("mariadb") as folder:
        yield from _mariadb(folder)


def _mariadb(folder: Path) -> Iterator[Server]:
    install, mariadbd = _program("mariadb-install-db"), _program("mariadbd")
    _as_somebody(
        [
            *(install, "--no-defaults", f"--datadir={folder}/data", "--skip-test-db"),
            "--auth-root-authentication-method=normal",
        ]
    )
    port, sock = free_port(0), folder / "sock"
    line = [mariadbd, "--no-defaults", f"--datadir={folder}/data", f"--port={port}"]
    line += [f"--socket={sock}", "--bind-address=127.0.0.1", f"--pid-file={folder}/pid"]
    line += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M"]
    line += ["--character-set-server=utf8mb4", "--innodb-lock-wait-timeout=5"]
    admin = [_program("mariadb"), "--no-defaults", f"--socket={sock}", "-u", "root", "-N", "-B"]
    with _running(line, folder, port):
        server = Server("mariadb", port, folder / "log", [*admin, "-D", "shop", "-e"])
        setup = (
            "CREATE DATABASE shop CHARACTER SET utf8mb4; "
            f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; "
            f"GRANT ALL ON shop.* TO {USER}@'127.0.0.1'"
        )
        subprocess.run([*admin, "-e", setup], check=True, timeout=60)
        yield server


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """A folder of the server's user; not among pytest's own, which only root may enter."""
    with TemporaryDirectory(prefix=f"handrail-{name}-", ignore_cleanup_errors=True) as made:
        if os.getuid() == 0:
            shutil.chown(made, _somebody())
        yield Path(made)


def _somebody() -> str:
    """Database servers refuse to run as root."""
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _dropped() -> list:
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam(_somebody())
    ids = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    # A test run that is killed leaves no server behind.
    return ["setpriv", *ids, "--pdeathsig", "TERM"]


def _as_somebody(line: list) -> None:
    done = subprocess.run(
        [str(word) for word in (*_dropped(), *line)],
        capture_output=True,
        text=True,
        timeout=_START,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _running(line: list, folder: Path, port: int) -> Iterator[None]:
    log = (folder / "log").open("wb")
    words = [str(word) for word in (*_dropped(), *line)]
    with log, subprocess.Popen(words, stdout=log, stderr=log, cwd="/") as process:
        try:
            _await_port(port, process, folder / "log")
            yield
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_port(port: int, process: subprocess.Popen, log: Path) -> None:
    until = monotonic() + _START
    while monotonic() < until:
        assert process.poll() is None, log.read_text(errors="replace")
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    raise AssertionError(log.read_text(errors="replace"))


def _program(name: str) -> str:
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/sbin")]
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        missing = f"{name} is not here: install postgresql and mariadb-server"
        if os.environ.get("CI"):
            raise RuntimeError(missing)
        pytest.skip(missing)
    return found
