"""A process that runs one job through a connector, for tests that kill it."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from shared.config import SshTarget
from shared.connectors.local import LocalConnector
from shared.connectors.protocol import Connector, Job
from shared.connectors.ssh import SshConnector
from shared.connectors.sshlink import Link
from shared.connectors.sshlogin import login_of


async def main(base: str, key: str, command: str, *target: str) -> None:
    connector: Connector = LocalConnector(Path(base))
    if target:
        connector = SshConnector(
            Link(login_of("web", SshTarget.model_validate_json(target[0]))), base=base
        )
    await connector.run(Job(key, command, timedelta(seconds=30)))
    await connector.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
