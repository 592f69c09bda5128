"""``handrail up`` and ``handrail serve``: running it."""

import os
from time import monotonic
from typing import Annotated

import typer

from deploy.home import Home
from deploy.interrupts import run_until_stopped
from deploy.report import report
from deploy.services import PARTS, named, run_services
from deploy.up import Running, Spread
from deploy.up import up as run_all
from shared.telemetry import configure_logs


def up(
    *,
    processes: Annotated[
        bool, typer.Option("--processes", help="Give each service a process of its own.")
    ] = False,
    logs: Annotated[
        bool, typer.Option("--logs", help="Write the logs here instead of into a file.")
    ] = False,
) -> None:
    """Start NATS, MongoDB and every service on this machine, until Ctrl-C."""
    began = monotonic()

    def tell(running: Running) -> None:
        report(running, seconds=monotonic() - began, environment=dict(os.environ))

    spread = Spread.PROCESSES if processes else Spread.TOGETHER
    run_until_stopped(run_all(spread, log_to_stderr=logs, tell=tell))


def serve(
    names: Annotated[list[str], typer.Argument(help=f"Of: {', '.join(PARTS)}.", metavar="NAME…")],
) -> None:
    """Run services in this process, as HANDRAIL_* settings say; logs are JSON on stderr."""
    configure_logs()
    config = Home.of(os.environ).config(os.environ)
    if config is not None:
        os.environ.setdefault("HANDRAIL_CONFIG", str(config))
    run_until_stopped(run_services(named(names)))
