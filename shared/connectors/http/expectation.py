"""Whether an answer is what a call expects."""

import json
from collections.abc import Iterator
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from shared.calls.http import Expected

_SHOWN: Final = 100
_FINE: Final = range(200, 300)


def unmet(expected: Expected, status: int, text: str, *, whole: bool) -> tuple[str, ...]:
    """What is not as expected, in words; ``whole`` says that all of the body is in ``text``."""
    return tuple(_unmet(expected, status, text, whole=whole))


def _unmet(expected: Expected, status: int, text: str, *, whole: bool) -> Iterator[str]:
    if status not in (expected.status or _FINE):
        wanted = " or ".join(map(str, expected.status)) or "200 to 299"
        yield f"the status is {status}, expected is {wanted}"
    if expected.contains is not None and expected.contains not in text:
        yield f"“{expected.contains}” is not in it" + ("" if whole else ", as far as it was kept")
    if expected.values and not whole:
        yield "it is too long to be looked into as JSON"
    elif expected.values:
        yield from _values(expected, text)


def _values(expected: Expected, text: str) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield "it is no JSON"
        return
    for path, wanted in expected.values.items():
        try:
            found = jmespath.search(path, document)
        except JMESPathError as error:
            yield f"{path} cannot be looked up: {str(error).splitlines()[0]}"
            continue
        if not _same(found, wanted):
            yield f"{path} is {_short(found)}, expected is {_short(wanted)}"


def _same(found: Any, wanted: Any) -> bool:
    """Whether two values of JSON are one; true is not 1, and a text stands for what it writes."""
    if isinstance(wanted, str) and isinstance(found, bool | int | float):
        return json.dumps(found) == wanted
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
