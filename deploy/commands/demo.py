"""``handrail demo``: the loop, closed before one's eyes."""

import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from deploy.demo.play import Approver, play
from deploy.interrupts import run_until_stopped

app = typer.Typer(add_completion=False)

# Wide enough for a line of the story where there is no terminal to ask.
_PIPE_WIDTH = 160


@app.command()
def demo(
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Approve by itself, as it does without a terminal.")
    ] = False,
) -> None:
    """Start everything, break a real web service, and watch it being brought back."""
    unattended = yes or not sys.stdin.isatty()
    console = Console(
        highlight=False,
        soft_wrap=True,
        width=None if sys.stdout.isatty() else _PIPE_WIDTH,
        no_color="NO_COLOR" in os.environ,
    )
    run_until_stopped(play(Approver.ITSELF if unattended else Approver.PERSON, console))
