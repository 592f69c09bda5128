"""How a report differs from the one that was expected."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.errors import HandrailError

#: What is compared: counts and reasons, and not where the alerts came from or who ran it.
_COMPARED: Final = ("read", "would", "changed")


class NoReportError(HandrailError):
    """A file that should be a saved report is none."""


def saved(path: Path) -> dict[str, Any]:
    """A report that was written with ``--json``.

    Raises:
        NoReportError: it is none, and why.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoReportError(f"--expect {path}: cannot be read as JSON: {error}") from error
    if not isinstance(report, dict) or "would" not in report:
        raise NoReportError(f"--expect {path}: is no report of `handrail backtest --json`")
    return report


def differences(expected: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """Every difference, in words, in the order of the report."""
    return [
        line
        for part in _COMPARED
        for line in _differences(part, expected.get(part), report.get(part))
    ]


def _differences(path: str, expected: Any, found: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in dict.fromkeys((*expected, *found)):
            # Which alert is shown as an example says nothing that the counts do not.
            if key != "example":
                yield from _differences(f"{path}.{key}", expected.get(key), found.get(key))
    elif isinstance(expected, list) and isinstance(found, list):
        yield from _differences(path, _by_reason(expected), _by_reason(found))
    elif expected != found:
        yield f"{path}: {_shown(found)}, and {_shown(expected)} was expected"


def _by_reason(listed: list[Any]) -> dict[str, Any]:
    """Reasons by what they say, so that another order alone is no difference."""
    return {
        repr(one["reason"]) if isinstance(one, dict) and "reason" in one else str(at): one["count"]
        if isinstance(one, dict) and "reason" in one
        else one
        for at, one in enumerate(listed)
    }


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
