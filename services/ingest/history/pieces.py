"""Files of alerts, one value at a time: JSON Lines, a JSON array, one JSON value, or CSV."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from services.ingest.history.columns import wrong_header

#: Bytes of one value; a body of a webhook has no more.
VALUE_MOST: Final = 5 * 1024 * 1024

_PART: Final = 64 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_NO_UTF8: Final = "is no UTF-8 from here on: save the file as UTF-8"
_TOO_LONG: Final = f"is longer than {VALUE_MOST} bytes"
_TOO_MANY_CELLS: Final = "more"


@dataclass(frozen=True)
class Piece:
    """One value, and the line on which it begins: JSON, or the cells of a row by their columns."""

    line: int
    json: bytes = b""
    cells: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Mistake:
    """Something that is no alert; ``reason`` says what to change on the line."""

    line: int
    reason: str


def pieces(stream: io.BufferedReader, name: str) -> Iterator[Piece | Mistake]:
    """The values of a file in their order; one at a time is in memory.

    What it is is seen by its beginning, and CSV also by its name. What cannot be read as JSON ends
    an array, while in JSON Lines only its line is lost.
    """
    start = stream.peek(_PART).removeprefix(_BOM).lstrip(_SPACE)
    first_line = start.split(b"\n", 1)[0].strip()
    if not start:
        return iter([Mistake(1, "there is nothing in it")])
    if name.endswith(".csv") or start[:1] not in b"{[":
        return _rows(stream)
    if start.startswith(b"[") and not name.endswith((".jsonl", ".ndjson")):
        return _elements(stream)
    return _whole(stream) if first_line == b"{" else _lines(stream)


def _lines(stream: io.BufferedReader) -> Iterator[Piece | Mistake]:
    for number in count(1):
        line = stream.readline(VALUE_MOST + 1)
        if not line:
            return
        if len(line) > VALUE_MOST:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_PART)
            yield Mistake(number, _TOO_LONG)
        elif value := line.removeprefix(_BOM).strip():
            yield Piece(number, value)


def _whole(stream: io.BufferedReader) -> Iterator[Piece | Mistake]:
    value = stream.read(VALUE_MOST + 1)
    if len(value) > VALUE_MOST:
        yield Mistake(1, f"{_TOO_LONG}: write one value a line")
    else:
        yield Piece(1, value.removeprefix(_BOM).strip())


def _elements(stream: io.BufferedReader) -> Iterator[Piece | Mistake]:
    text = io.TextIOWrapper(stream, encoding="utf-8-sig")
    array = _Array(text)
    try:
        yield from array.elements()
    except UnicodeDecodeError:
        yield Mistake(array.line, _NO_UTF8)
    except (ValueError, RecursionError) as error:
        yield Mistake(array.line, f"this is no JSON, so that nothing after it is read: {error}")
    finally:
        text.detach()


class _Array:
    """An array that is read in parts; ``line`` is that of what is read now."""

    def __init__(self, text: io.TextIOBase) -> None:
        self.line = 1
        self._text = text
        self._read = ""
        self._at = 0
        self._ended = False
        self._decoder = json.JSONDecoder()

    def elements(self) -> Iterator[Piece]:
        """Each element.

        Raises:
            ValueError: it is no JSON.
        """
        self._expect("[")
        if self._next() == "]":
            return
        while True:
            end = self._end_of_value()
            yield Piece(self.line, self._read[self._at : end].encode())
            self._go_to(end)
            if self._expect(",]") == "]":
                return
            self._next()

    def _expect(self, allowed: str) -> str:
        found = self._next()
        if not found or found not in allowed:
            raise ValueError(f"one of {' '.join(allowed)} is expected, and not {found!r}")
        self._go_to(self._at + 1)
        return found

    def _next(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._read):
                if not self._read[self._at].isspace():
                    return self._read[self._at]
                self._go_to(self._at + 1)
            if not self._more():
                return ""

    def _end_of_value(self) -> int:
        while True:
            try:
                _, end = self._decoder.raw_decode(self._read, self._at)
            except json.JSONDecodeError as error:
                # It may only be cut off.
                if len(self._read) - self._at > VALUE_MOST:
                    raise ValueError(_TOO_LONG) from None
                if not self._more():
                    raise ValueError(error.msg) from None
            else:
                # A number may go on.
                if end < len(self._read) or not self._more():
                    return end

    def _more(self) -> bool:
        """Read as much again as is there, so that a long value is not looked at too often."""
        kept = self._read[self._at :]
        part = self._text.read(max(_PART, len(kept)))
        self._read, self._at = kept + part, 0
        return bool(part)

    def _go_to(self, at: int) -> None:
        self.line += self._read.count("\n", self._at, at)
        self._at = at


def _rows(stream: io.BufferedReader) -> Iterator[Piece | Mistake]:
    header = stream.peek(_PART).split(b"\n", 1)[0]
    delimiter = ";" if header.count(b";") > header.count(b",") else ","
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    reader = csv.DictReader(text, delimiter=delimiter, restkey=_TOO_MANY_CELLS, restval="")
    line = 1
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        if wrong := wrong_header(names):
            yield Mistake(line, wrong)
            return
        reader.fieldnames = names
        while True:
            line = max(reader.line_num, 1) + 1
            try:
                row = next(reader)
            except csv.Error as error:
                yield Mistake(line, f"this is no CSV: {error}")
            else:
                yield _row(line, row)
    except StopIteration:
        return
    except UnicodeDecodeError:
        yield Mistake(line, _NO_UTF8)
    finally:
        text.detach()


def _row(line: int, row: dict[str, str]) -> Piece | Mistake:
    if _TOO_MANY_CELLS in row:
        return Mistake(line, "there are more cells than columns: quote those with a comma in them")
    return Piece(line, cells={name: text.strip() for name, text in row.items()})
