"""How long a warm start takes, and what the services weigh when they have nothing to do."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import Measure
from tests.flows.world import REPO, eventually

RUNS = 3
_MIB = 1024


async def warm() -> list[Measure]:
    """`handrail up` on a home that was used before, until everything says that it is ready."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        await _up(home)
        found = [await _up(home) for _ in range(RUNS)]
    seconds = sorted(took for took, _ in found)
    weights = sorted(weight for _, weight in found)
    middle = RUNS // 2
    return [
        Measure("ready_s", seconds[middle], "s", "<= 6", runs=tuple(seconds)),
        Measure("idle_mb", weights[middle], "MiB", "<= 600", runs=tuple(weights)),
    ]


async def _up(home: Path) -> tuple[float, float]:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "deploy.cli", "up"),
        cwd=REPO,
        env={**os.environ, "HANDRAIL_HOME": str(home)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually((home / "run.json").exists, 60)
        took = time.perf_counter() - began
        run = json.loads((home / "run.json").read_text())
        # Its first look around is over when a few of its loops have turned.
        await asyncio.sleep(3)
        pids = {service["pid"] for service in run["services"].values()}
        return took, sum(_resident(pid) for pid in pids) / _MIB
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def _resident(pid: int) -> int:
    """Resident memory in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
