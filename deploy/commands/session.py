"""``handrail session``: what ran for a ticket, what it wrote, and what is to become of it."""

import asyncio
from typing import Annotated

import typer

from deploy.commands.session_directives import cancel, pause, resume, retry
from deploy.connection import Place, reading
from deploy.output import AsJson, add, colored, console, say, show_json, table, when
from deploy.views import SessionView

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What ran for a ticket, what it wrote, and what is to become of it.",
)
for _command in (pause, resume, cancel, retry):
    app.command()(_command)


@app.command()
def show(
    session_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one session: its steps, where each stands, and what it wrote."""
    view = asyncio.run(_show(session_id))
    if as_json:
        show_json(view.model_dump(mode="json"))
    else:
        _print(view)


async def _show(session_id: str) -> SessionView:
    async with reading(Place.of()) as reader:
        return await reader.session(session_id)


def _print(view: SessionView) -> None:
    session = view.session
    say(f"session  {session.id}\nticket   {session.ticket_id}  {session.ticket_title}")
    runbook = session.runbook
    # The version that it began with, whatever is active now: `runbook show` has its text.
    say(f"runbook  {runbook.title}  {runbook.name}@{runbook.version}")
    for name, version in runbook.includes.items():
        say(f"with     {name}@{version}")
    say(f"state    {session.state}\n")
    shown = table("step", "state", "try", "exit", "target", "command", "ended")
    for step in session.steps:
        run = session.run(step.id)
        add(
            shown,
            step.id,
            colored(run.state),
            str(run.attempt or ""),
            "" if run.exit_code is None else str(run.exit_code),
            f"{step.uses} {step.target}",
            step.run,
            when(run.ended_at),
        )
    console().print(shown)
    for step in session.steps:
        _print_output(view, step.id)


def _print_output(view: SessionView, step_id: str) -> None:
    run, output = view.session.run(step_id), view.of_step(step_id)
    written = [output.stdout, output.stderr] if output else [run.output]
    said = "\n".join(part.rstrip() for part in written if part.strip())
    if run.reason or said:
        say(f"\n{step_id}: {run.reason or run.state}", style="bold")
    if said:
        say(said)
