"""Cuts what a source sent to what one event can carry: no alert is refused for its size."""

from collections.abc import Mapping
from typing import Final

#: Characters. A message on the bus may have 1 MiB, and a plan carries its alert beside its steps;
#: one character becomes up to six bytes of JSON.
TEXT_MOST: Final = 4_000
TITLE_MOST: Final = 500
NAME_MOST: Final = 300
NAMED_MOST: Final = 40_000

# The quotes, the colon and the comma.
_AROUND: Final = 6


def cut(text: str, most: int = TEXT_MOST) -> str:
    """The text, or its beginning with an ellipsis at the end; ``most`` counts characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def fitting(named: Mapping[str, str]) -> dict[str, str]:
    """The names with their texts, as many as there is room for; long texts are cut.

    Left out are also names that MongoDB cannot keep, which no source should send.
    """
    kept: dict[str, str] = {}
    room = NAMED_MOST
    for name, text in named.items():
        short = cut(text)
        size = len(name) + len(short) + _AROUND
        if len(name) <= NAME_MOST and "\0" not in name and size <= room:
            kept[name] = short
            room -= size
    return kept
