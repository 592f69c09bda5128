"""Another executor: runs the jobs of a series one after another, until somebody kills it.

``python -m tests.connectors.sql.worker TARGET COMMAND SERIES NUMBER``
"""

import asyncio
import sys
from datetime import timedelta

from shared.config.targets.sql import SqlTarget
from shared.connectors.protocol import Job
from shared.connectors.sql import SqlConnector


async def main(target, command, series, number):
    connector = SqlConnector(SqlTarget.model_validate_json(target))
    for nth in range(int(number)):
        sys.stdout.write(f"{nth}\n")
        sys.stdout.flush()
        await connector.run(Job(f"{series}-{nth}", command, timedelta(seconds=60)))
    await connector.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
