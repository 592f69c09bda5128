"""Times as people write them on the command line."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

_SPAN: Final = re.compile(r"([0-9]{1,6})(m|h|d)")
_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def moment(written: str) -> datetime:
    """A time, or how long ago one was: ``2h``, ``2026-03-01``, ``2026-03-01T10:00``.

    Raises:
        BadParameter: it is none.
    """
    if span := _SPAN.fullmatch(written):
        return datetime.now(UTC) - int(span[1]) * _UNITS[span[2]]
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{written!r} is no time: write 30m, 2h, 7d, or 2026-03-01T10:00"
        ) from None


def ahead(written: str) -> datetime:
    """A time, or in how long it is: ``2h``, ``2026-03-01``, ``2026-03-01T10:00+01:00``.

    Raises:
        BadParameter: it is none.
    """
    if span := _SPAN.fullmatch(written):
        return datetime.now(UTC) + int(span[1]) * _UNITS[span[2]]
    return moment(written)
