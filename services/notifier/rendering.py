"""Templates of mails and pages; HTML is escaped, and what deceives the eye is shown as it is."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.text import one_line, visible

_FOLDER: Final = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """A template of this service, filled in."""
    return _environment.get_template(template).render(**values)


def moment(at: datetime, zone: str = "") -> str:
    """A time that means the same wherever it is read, on the clock of a zone if one is given."""
    local = at.astimezone(ZoneInfo(zone)) if zone else at
    name = local.tzname() if zone else "UTC"
    return f"{local:%H:%M} {name} on {local.day} {local:%B}"


def span(length: timedelta) -> str:
    """A length of time, as exact as a person needs it."""
    minutes = max(0, round(length / timedelta(minutes=1)))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    counts = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    parts = [f"{n} {name}" if n == 1 else f"{n} {name}s" for n, name in counts if n]
    return " ".join(parts[:2]) or "less than a minute"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in visible(text).splitlines())


_environment: Final = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=select_autoescape(enabled_extensions=("html",), default=False),
    undefined=StrictUndefined,
    # They come with the code, and do not change while it runs.
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_environment.filters |= {
    "visible": visible,
    "one_line": one_line,
    "indented": _indented,
    "moment": moment,
    "span": span,
}
