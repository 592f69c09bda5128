"""The ``handrail`` command: puts its groups together, and tells errors in one line."""

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from deploy.output import complain
from shared.errors import HandrailError

#: Each command or group, and the module whose ``app`` it is; loaded when it is asked for.
COMMANDS: Final = {
    "up": "deploy.commands.up",
    "serve": "deploy.commands.serve",
    "demo": "deploy.commands.demo",
    "doctor": "deploy.commands.doctor",
    "ticket": "deploy.commands.ticket",
    "alert": "deploy.commands.alert",
    "session": "deploy.commands.session",
    "approvals": "deploy.commands.approvals",
    "secret": "deploy.commands.secret",
    "target": "deploy.commands.target",
    "token": "deploy.commands.token",
    "channel": "deploy.commands.channel",
    "source": "deploy.commands.source",
    "runbook": "deploy.commands.runbook",
    "policy": "deploy.commands.policy",
    "oncall": "deploy.commands.oncall",
    "routes": "deploy.commands.routes",
    "backtest": "deploy.commands.backtest",
    "stop": "deploy.commands.stop",
    "resume": "deploy.commands.resume",
    "dead": "deploy.commands.dead",
    "quarantine": "deploy.commands.quarantine",
    "maintenance": "deploy.commands.maintenance",
}


class _Commands(TyperGroup):
    """Commands whose errors, where Handrail can name them, are one line and an exit status."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 typer's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 typer's
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(COMMANDS[cmd_name]).app)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HandrailError as error:
            raise typer.Exit(complain(error)) from error


app = typer.Typer(
    name="handrail",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 typer calls it so
    if wanted:
        typer.echo(version("handrail"))
        raise typer.Exit


@app.callback()
def handrail(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Say which."),
    ] = False,
) -> None:
    """Handrail turns an alert into a verified fix."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
