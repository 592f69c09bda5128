"""A real Prometheus for tests, as Debian packages it."""

import asyncio
from contextlib import asynccontextmanager

from deploy.ports import free_port
from tests.programs import program


@asynccontextmanager
async def prometheus(folder):
    """The address of a Prometheus that watches itself, five times a second, as the job `self`."""
    server = program("prometheus")
    address = f"127.0.0.1:{free_port(0)}"
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        "scrape_configs:\n"
        f"  - {{job_name: self, static_configs: [{{targets: ['{address}']}}]}}\n"
    )
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            server,
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
