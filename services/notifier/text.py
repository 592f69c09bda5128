"""Text of strangers: made fit for one line, for a page, for the record."""

import re
import unicodedata
from typing import Final

REASON_LENGTH: Final = 1000

# Most text, for which nothing needs to be looked at one by one.
_PLAIN: Final = re.compile(r"[ -~\n\t]*")
_KEPT: Final = frozenset("\n\t ")
# Controls, formats (bidirectional overrides, zero widths), private use, separators of every kind:
# what could make one command look like another.
_DECEIVING: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"})


def one_line(text: str) -> str:
    """The text without line breaks and controls: nothing in it can begin another header."""
    if _PLAIN.fullmatch(text):
        return " ".join(text.split())
    return " ".join("".join(" " if _deceives(c) else c for c in text).split())


def visible(text: str) -> str:
    """The text with every character that shows as nothing, or moves others, as its escape."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(f"\\u{{{ord(c):x}}}" if _deceives(c) else c for c in text)


def cleaned(text: str) -> str:
    """What a person wrote, less controls; line breaks stay."""
    lines = "\n".join(text.splitlines())
    return "".join(c for c in lines if not _deceives(c)).strip()


def _deceives(character: str) -> bool:
    return character not in _KEPT and unicodedata.category(character) in _DECEIVING
