"""The ``handrail`` command: puts its groups together, and tells errors in one line."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deploy.commands import approvals, dead, running, session, ticket
from deploy.commands.doctor import doctor
from deploy.output import complain
from shared.errors import HandrailError


class _Commands(TyperGroup):
    """Commands whose errors, where Handrail can name them, are one line and an exit status."""

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
    help="Handrail turns an alert into a verified fix.",
)
app.command()(running.up)
app.command()(running.serve)
app.command()(doctor)
app.add_typer(ticket.app, name="ticket")
app.add_typer(session.app, name="session")
app.add_typer(approvals.app, name="approvals")
app.add_typer(dead.app, name="dead")


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
    app()


if __name__ == "__main__":
    main()
