"""What commands print: tables for people, one JSON document for programs, one line for errors."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.errors import HandrailError, SettingsError
from shared.yamlsource import SourceError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]

_WRONG: Final = 1
_MISUSED: Final = 2
_PIPE_WIDTH: Final = 240
# All but line breaks and tabs, of both the C0 and the C1 set.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLORS: Final = {
    "P1": "bold red",
    "P2": "red",
    "P3": "yellow",
    "P4": "dim",
    "resolved": "green",
    "succeeded": "green",
    "approved": "green",
    "true": "red",
    "false": "green",
    "ok": "green",
    "escalated": "red",
    "failed": "red",
    "unknown": "red",
    "rejected": "red",
    "wrong": "bold red",
    "expired": "yellow",
    "awaiting_approval": "yellow",
    "pending": "yellow",
    "waiting": "yellow",
    "note": "yellow",
    "running": "cyan",
    "in_progress": "cyan",
    "verifying": "cyan",
}


def console() -> Console:
    """The terminal; what is no terminal gets lines that are wide enough to search in."""
    made = Console(highlight=False, emoji=False, markup=False)
    return (
        made
        if made.is_terminal
        else Console(highlight=False, emoji=False, markup=False, width=_PIPE_WIDTH)
    )


def show_json(data: Any) -> None:
    """Print one JSON document; models as their fields, in UTF-8."""
    print(json.dumps(data, default=_plain, ensure_ascii=False, indent=2))


def show_line(data: Any) -> None:
    """Print one JSON document on a line of its own, at once."""
    print(json.dumps(data, default=_plain, ensure_ascii=False), flush=True)


def table(*columns: str, header: bool = True) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold", show_header=header)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add(shown: Table, *cells: str | Text) -> None:
    """Add a row; text is shown as it is, without what would steer a terminal."""
    shown.add_row(*(cell if isinstance(cell, Text) else Text(harmless(cell)) for cell in cells))


def say(text: str = "", *, style: str = "") -> None:
    """Print lines that the terminal may wrap and Rich does not."""
    console().print(Text(harmless(text), style=style), soft_wrap=True)


def harmless(text: str) -> str:
    """Text of a stranger without control characters: an alert's title must not move the cursor."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def colored(state: object) -> Text:
    """A state in its colour."""
    text = "" if state is None else str(state)
    return Text(text, style=_COLORS.get(text, ""))


def when(at: datetime | None) -> str:
    """A time for a person here, to the second."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""


def times(number: int) -> str:
    """How often, in words."""
    return "once" if number == 1 else f"{number} times"


def ago(at: datetime) -> str:
    """How long ago or ahead a time is, in its largest unit."""
    seconds = (datetime.now(UTC) - at).total_seconds()
    span = abs(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if span >= size:
            told = f"{span // size:.0f} {unit}"
            break
    else:
        told = f"{span:.0f} s"
    return f"{told} ago" if seconds >= 0 else f"in {told}"


def complain(error: HandrailError) -> int:
    """Say on the terminal what went wrong; the exit status that tells it."""
    Console(stderr=True).print(Text(harmless(str(error)), style="red"), soft_wrap=True)
    return _MISUSED if isinstance(error, SettingsError | SourceError) else _WRONG


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
