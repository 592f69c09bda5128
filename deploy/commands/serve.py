"""``handrail serve``: some of the services, against servers that are named by settings."""

import os
from typing import Annotated

import typer

from deploy.home import Home
from deploy.interrupts import run_until_stopped
from deploy.services import PARTS, named, run_services
from shared.telemetry import configure_logs

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    names: Annotated[list[str], typer.Argument(help=f"Of: {', '.join(PARTS)}.", metavar="NAME…")],
) -> None:
    """Run services in this process, as HANDRAIL_* settings say; logs are JSON on stderr."""
    parts = named(names)
    configure_logs()
    config = Home.of(os.environ).config(os.environ)
    if config is not None:
        os.environ.setdefault("HANDRAIL_CONFIG", str(config))
    run_until_stopped(run_services(parts))
