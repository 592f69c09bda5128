"""``handrail session``: what ran for a ticket, what it wrote, and what is to become of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated, Final

import typer
from nats.aio.msg import Msg

from deploy.commands.session_directives import cancel, pause, resume, retry
from deploy.connection import Place, listening, reading
from deploy.following import Line, Screen
from deploy.output import AsJson, add, colored, console, say, show_json, show_line, table, when
from deploy.views import Output, Piece, SessionView
from services.executor.output import subject
from services.executor.waiting import Wait
from shared.lifecycle import SESSION_ENDED, SessionState

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What ran for a ticket, what it wrote, and what is to become of it.",
)
for _command in (pause, resume, cancel, retry):
    app.command()(_command)

SessionId = Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")]
#: What was not heard is seen after so many seconds.
_LOOK: Final = 1.0
_MIB: Final = 1024 * 1024


@app.command(name="list")
def list_(
    *,
    active: Annotated[bool, typer.Option("--active", help="Those that have not ended.")] = False,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Those that something should have moved on by now.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List sessions, the newest first, and what each waits for."""
    views = asyncio.run(_sessions(active=active or stuck, limit=limit))
    if stuck:
        views = [view for view in views if view.is_stuck]
    if as_json:
        show_json([_listed(view) for view in views])
    else:
        _print_list(views)


@app.command()
def show(session_id: SessionId, *, as_json: AsJson = False) -> None:
    """Show one session: its steps, where each stands, what it waits for, and what it wrote."""
    view = asyncio.run(_show(session_id))
    if as_json:
        show_json(view.model_dump(mode="json"))
    else:
        _print(view)


@app.command()
def follow(session_id: SessionId, *, as_json: AsJson = False) -> None:
    """Show what the steps of a session write as they write it, until it has ended.

    The exit status is 0 when it succeeded. With --json every line is a JSON document.
    """
    if asyncio.run(_follow(session_id, as_json=as_json)) is not SessionState.SUCCEEDED:
        raise typer.Exit(1)


async def _sessions(*, active: bool, limit: int) -> list[SessionView]:
    async with reading(Place.of()) as reader:
        return await reader.sessions(active=active, limit=limit)


async def _show(session_id: str) -> SessionView:
    async with reading(Place.of()) as reader:
        return await reader.session(session_id)


async def _follow(session_id: str, *, as_json: bool) -> SessionState:
    state = SessionState.PLANNED
    async for line in _lines(session_id):
        if isinstance(line, SessionState):
            state = line
        elif as_json:
            show_line({"step_id": line.step_id, "stream": line.stream, "text": line.text})
        else:
            say(f"{line.step_id}: {line.text}", style="" if line.stream else "bold")
    say(f"session {state}", style="bold") if not as_json else show_line({"state": state})
    return state


async def _lines(session_id: str) -> AsyncIterator[Line | SessionState]:
    """What there is to show, as it comes; at last how the session ended."""
    place, screen = Place.of(), Screen()
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    async with reading(place) as reader, listening(place) as client:
        known = (await reader.session(session_id)).session.id
        await client.subscribe(subject(known), cb=heard.put)
        await client.flush()
        while True:
            view = await reader.session(str(known))
            for line in screen.looked(view, await reader.pieces(known)):
                yield line
            if view.session.state in SESSION_ENDED:
                yield view.session.state
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    while True:
                        said = await heard.get()
                        for line in screen.heard(Piece.model_validate_json(said.data)):
                            yield line


def _listed(view: SessionView) -> dict[str, object]:
    session = view.session
    return {
        "id": session.id,
        "ticket_id": session.ticket_id,
        "ticket_title": session.ticket_title,
        "runbook": session.runbook.name,
        "state": session.state,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "waits": [wait.model_dump(mode="json") for wait in view.waits],
        "stuck": view.is_stuck,
    }


def _print_list(views: Sequence[SessionView]) -> None:
    shown = table("session", "ticket", "runbook", "state", "made", "waits for")
    for view in views:
        session = view.session
        add(
            shown,
            str(session.id)[:8],
            session.ticket_title,
            session.runbook.name,
            colored(session.state),
            when(view.created_at),
            "\n".join(map(_waited_for, view.waits)),
        )
    console().print(shown)


def _print(view: SessionView) -> None:
    session = view.session
    say(f"session  {session.id}\nticket   {session.ticket_id}  {session.ticket_title}")
    runbook = session.runbook
    # The version that it began with, whatever is active now: `runbook show` has its text.
    say(f"runbook  {runbook.title}  {runbook.name}@{runbook.version}")
    for name, version in runbook.includes.items():
        say(f"with     {name}@{version}")
    say(f"state    {session.state}")
    for wait in view.waits:
        say(f"waits    for {_waited_for(wait)}", style="red" if wait.is_stuck else "yellow")
    say()
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


def _waited_for(wait: Wait) -> str:
    """What is waited for, and how a person has a look at what is asked."""
    if wait.question_id is None:
        return wait.text
    return f"{wait.text} (`handrail approvals show {str(wait.question_id)[:8]}`)"


def _print_output(view: SessionView, step_id: str) -> None:
    run, output = view.session.run(step_id), view.of_step(step_id)
    written = [output.stdout, output.stderr] if output else [run.output]
    said = "\n".join(part.rstrip() for part in written if part.strip())
    if run.reason or said:
        took = _took(output) if output else ""
        say(f"\n{step_id}: {run.reason or run.state}{took}", style="bold")
    if said:
        say(said)


def _took(output: Output) -> str:
    """What an attempt took, as far as that is known."""
    parts = []
    if output.ended_at is not None and output.started_at is not None:
        parts.append(f"{(output.ended_at - output.started_at).total_seconds():.1f} s")
    if output.usage is not None:
        parts.append(f"{output.usage.cpu_s:.2f} s of CPU")
        if output.usage.memory is not None:
            parts.append(f"{output.usage.memory / _MIB:.0f} MiB")
    return f" ({', '.join(parts)})" if parts else ""
