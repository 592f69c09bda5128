"""``handrail up``: all of it, on this machine."""

import os
from collections.abc import Mapping
from time import monotonic
from typing import Annotated

import typer

from deploy import BEGAN
from deploy.home import Home
from deploy.interrupts import run_until_stopped
from deploy.output import say
from deploy.report import report
from deploy.runfile import found
from deploy.up import Running, Spread
from deploy.up import up as run_all

app = typer.Typer(add_completion=False)

_SERVERS = {"nats-server": "HANDRAIL_NATS_URL", "mongod": "HANDRAIL_MONGO_URL"}


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

    if found(Home.of(os.environ).path) is None:
        say(_beginning(os.environ))
    spread = Spread.PROCESSES if processes else Spread.usual()
    run_until_stopped(run_all(spread, log_to_stderr=logs, tell=tell))


def _beginning(environment: Mapping[str, str]) -> str:
    """What is about to be started, and where its data lies."""
    started = [name for name, setting in _SERVERS.items() if not environment.get(setting)]
    what = ", ".join([*started, "the services"])
    return f"Starting {what}; data lies in {Home.of(environment).path} (HANDRAIL_HOME)."
