"""``handrail up``: all of it, on this machine."""

import os
from time import monotonic
from typing import Annotated

import typer

from deploy import BEGAN
from deploy.interrupts import run_until_stopped
from deploy.report import report
from deploy.up import Running, Spread
from deploy.up import up as run_all

app = typer.Typer(add_completion=False)


@app.command()
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

    def tell(running: Running) -> None:
        report(running, seconds=monotonic() - BEGAN, environment=dict(os.environ))

    spread = Spread.PROCESSES if processes else Spread.TOGETHER
    run_until_stopped(run_all(spread, log_to_stderr=logs, tell=tell))
