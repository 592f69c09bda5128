"""What changed from one text to another, in the unified format that `patch` reads."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Final

#: Lines of a diff that name the two texts.
_NAMES: Final = 2


def unified(before: str, after: str, *, old: str, new: str) -> str:
    """What changed from one text to the other, in the unified format of `diff -u`."""
    lines = difflib.unified_diff(_lines(before), _lines(after), old, new, lineterm="")
    return "".join(f"{line}\n" for line in _marked(lines))


def _lines(text: str) -> list[str]:
    """Lines with their ends, where only LF ends one: that is what `patch` goes by."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _marked(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number < _NAMES or line.startswith("@@") or line.endswith("\n"):
            yield line.removesuffix("\n")
        else:
            yield from (line, r"\ No newline at end of file")
