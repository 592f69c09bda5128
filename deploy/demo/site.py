"""What the demo takes place in: a web service, the tool that manages it, and an SSH server."""

import asyncio
import getpass
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncssh
import httpx

from deploy.ports import free_port
from deploy.sshserver import Account, RunningServer, authorized, ssh_server
from shared.errors import HandrailError

TARGET: Final = "shop-1"
SERVICE: Final = "shop"
MANAGER: Final = "democtl"
TOKEN_VARIABLE: Final = "HANDRAIL_DEMO_TOKEN"  # noqa: S105 the name of one
_SETTLE: Final = timedelta(seconds=10)

# As much of a service manager as the runbook asks for.
_MANAGER: Final = """\
#!/bin/sh
# Manages the demo's only service.
pid_file={folder}/{service}.pid
alive() {{
  pid=$(cat "$pid_file" 2>/dev/null) && kill -0 "$pid" 2>/dev/null || return 1
  case $(ps -o stat= -p "$pid" 2>/dev/null) in Z*) return 1 ;; esac # dead, and not yet reaped
}}
[ "$2" = {service} ] || {{ echo "$2: no such service" >&2; exit 4; }}
case $1 in
  is-active) if alive; then echo active; else echo inactive; exit 3; fi ;;
  stop) alive && kill "$(cat "$pid_file")"; rm -f "$pid_file" ;;
  start) alive || setsid {python} -m deploy.demo.shop {port} "$pid_file" \\
           </dev/null >/dev/null 2>&1 & ;;
  restart) "$0" stop "$2"; "$0" start "$2"; echo "{service} was started" ;;
  *) echo "usage: {manager} is-active|start|stop|restart SERVICE" >&2; exit 2 ;;
esac
"""


class DemoFailedError(HandrailError):
    """A leg of the demo did not go as it should; says which, and what was seen instead."""


@dataclass(frozen=True)
class Site:
    """A running site. ``config`` is the handrail.yaml that knows it."""

    folder: Path
    url: str
    config: Path
    ssh: RunningServer

    def break_service(self) -> int:
        """Kill the web service as a crash would; the process that was killed."""
        pid = int((self.folder / f"{SERVICE}.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        return pid

    async def healthy(self) -> bool:
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return (await client.get(self.url)).status_code == httpx.codes.OK
        return False

    async def until(self, *, healthy: bool) -> None:
        """Wait until the service is well, or gone.

        Raises:
            DemoFailedError: it does not become so.
        """
        try:
            async with asyncio.timeout(_SETTLE.total_seconds()):
                while await self.healthy() != healthy:  # noqa: ASYNC110 told by a port
                    await asyncio.sleep(0.05)
        except TimeoutError:
            state = "answer" if healthy else "go away"
            raise DemoFailedError(f"the web service does not {state} at {self.url}") from None


@asynccontextmanager
async def demo_site(folder: Path, token: str) -> AsyncIterator[Site]:
    """The web service, healthy, behind an SSH server; both gone at the end."""
    port = free_port(8000)
    manager = _write_manager(folder, port)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    os.environ[TOKEN_VARIABLE] = token
    key = asyncssh.generate_private_key("ssh-ed25519")
    key_file = folder / "id_ed25519"
    key.write_private_key(str(key_file))
    key_file.chmod(0o600)
    account = Account(getpass.getuser(), authorized_keys=authorized([key]))
    async with ssh_server(account) as ssh:
        config = folder / "handrail.yaml"
        config.write_text(json.dumps(_config(ssh, key_file), indent=2))
        site = Site(folder, f"http://127.0.0.1:{port}/health", config, ssh)
        try:
            await _manage(manager, "start")
            await site.until(healthy=True)
            yield site
        finally:
            await _manage(manager, "stop")


def _write_manager(folder: Path, port: int) -> Path:
    manager = folder / MANAGER
    text = _MANAGER.format(
        folder=shlex.quote(str(folder)),
        service=SERVICE,
        manager=MANAGER,
        python=shlex.quote(sys.executable),
        port=port,
    )
    manager.write_text(text)
    manager.chmod(0o755)
    return manager


async def _manage(manager: Path, verb: str) -> None:
    process = await asyncio.create_subprocess_exec(str(manager), verb, SERVICE)
    await process.wait()


def _config(ssh: RunningServer, key_file: Path) -> dict[str, object]:
    return {
        "sources": {"alertmanager": {"bearer": {"env": TOKEN_VARIABLE}}},
        "people": [{"name": "You", "email": f"{getpass.getuser()}@localhost"}],
        "targets": {
            TARGET: {
                "connector": "ssh",
                "host": ssh.host,
                "port": ssh.port,
                "user": getpass.getuser(),
                "host_key": ssh.host_key,
                "key": {"file": str(key_file)},
            },
        },
    }


def notification(url: str, at: str) -> dict[str, object]:
    """What a real Alertmanager posts (version 4) when the probe of the service fails."""
    labels = {
        "alertname": "HttpServiceDown",
        "instance": f"{TARGET}:443",
        "job": "blackbox",
        "service": SERVICE,
        "service_manager": MANAGER,
        "severity": "critical",
    }
    annotations = {
        "summary": "The shop does not answer",
        "description": "Its health page gave no answer three times in a row.",
        "probe_url": url,
    }
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HttpServiceDown"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "handrail",
        "groupLabels": {"alertname": "HttpServiceDown"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://alertmanager.example.com:9093",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": at,
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=probe_success",
                "fingerprint": "9f1e6ac2d4b57c03",
            },
        ],
    }
