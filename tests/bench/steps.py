"""What running a step costs beside its command: on this machine, and over SSH."""

import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import asyncssh

from shared.connectors.local import LocalConnector
from shared.connectors.protocol import Chunk, Connector, Job
from shared.connectors.ssh import SshConnector
from shared.connectors.sshlink import Link
from shared.connectors.sshlogin import login_of
from tests.bench.measure import Measure, percentile
from tests.sshd import openssh

RUNS = 60
LIMIT = timedelta(seconds=60)
#: What runbooks do on a host: a look, something that takes its time, a restart.
SSH_COMMANDS = ("true", "sleep 0.1", "sleep 0.3")
SSH_ROUNDS = 20

Run = Callable[[str], Awaitable[object]]


async def alone() -> list[Measure]:
    """The time of a local step that does nothing, less what a bare shell takes for it."""
    with tempfile.TemporaryDirectory() as folder:
        connector = LocalConnector(Path(folder) / "steps")
        try:
            bare, ours = await _side_by_side(("true",) * RUNS, _shell, _under_claim(connector))
        finally:
            await connector.close()
    own = [1000 * (mine - floor) for mine, floor in zip(ours, bare, strict=True)]
    p50, floor = statistics.median(ours) * 1000, statistics.median(bare) * 1000
    return [
        Measure(
            "step_own_ms_p50", statistics.median(own), "ms", "<= 10", floor, p50 / floor, tuple(own)
        ),
        Measure("step_own_ms_p95", percentile(own, 0.95), "ms", ""),
    ]


async def over_ssh() -> list[Measure]:
    """The time of the same commands over one kept connection, bare and under claims."""
    with tempfile.TemporaryDirectory() as folder:
        async with openssh(Path(folder) / "ssh") as server:
            login = login_of("web", server.target())
            connector = SshConnector(Link(login), base=f"{folder}/steps")
            bare = await asyncssh.connect(
                login.host,
                login.port,
                username=login.user,
                client_keys=[login.key],
                known_hosts=([login.host_key], [], []),
                config=None,
            )
            try:
                commands = SSH_COMMANDS * SSH_ROUNDS
                floors, ours = await _side_by_side(commands, bare.run, _under_claim(connector))
            finally:
                bare.close()
                await bare.wait_closed()
                await connector.close()
    # Of each command the median, so that one that the machine held up does not count.
    kinds = range(len(SSH_COMMANDS))
    floor = [statistics.median(floors[kind :: len(SSH_COMMANDS)]) * 1000 for kind in kinds]
    own = [statistics.median(ours[kind :: len(SSH_COMMANDS)]) * 1000 for kind in kinds]
    ratio = sum(own) / sum(floor)
    return [
        Measure("ssh_cost_ratio", ratio, "x", "<= 1.10", sum(floor), ratio, tuple(own)),
        Measure("ssh_step_own_ms_p50", own[0] - floor[0], "ms", "", floor[0], own[0] / floor[0]),
    ]


def _under_claim(connector: Connector) -> Run:
    async def heard(_chunk: Chunk) -> None:
        await asyncio.sleep(0)

    async def run(command: str) -> object:
        return await connector.run(Job(uuid4().hex, command, LIMIT), on_output=heard)

    return run


async def _shell(command: str) -> None:
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", command)
    await process.wait()


async def _side_by_side(
    commands: tuple[str, ...], floor: Run, ours: Run
) -> tuple[list[float], list[float]]:
    """The seconds of each command, run in turn by the one and by the other."""
    await floor("true")
    await ours("true")
    seconds: tuple[list[float], list[float]] = ([], [])
    for command in commands:
        for run, into in zip((floor, ours), seconds, strict=True):
            began = perf_counter()
            await run(command)
            into.append(perf_counter() - began)
    return seconds
