"""A real Prometheus for tests, as Debian packages it."""

import asyncio
import os
import shutil
from contextlib import asynccontextmanager

import pytest

from deploy.ports import free_port

PROGRAM = "prometheus"


@asynccontextmanager
async def prometheus(folder):
    """The address of a Prometheus that watches itself, five times a second, as the job `self`."""
    if shutil.which(PROGRAM) is None:
        assert not os.environ.get("CI"), f"{PROGRAM} has to be installed"
        pytest.skip(f"{PROGRAM} is not installed")
    address = f"127.0.0.1:{free_port(0)}"
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        "scrape_configs:\n"
        f"  - {{job_name: self, static_configs: [{{targets: ['{address}']}}]}}\n"
    )
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        await process.wait()
