"""Where a character of a YAML text stands in its file."""

import re


def place_inside(text: str, line: int, column: int, offset: int) -> tuple[int, int]:
    """Line and column (from 1) of the ``offset``-th character of a scalar.

    ``line`` and ``column`` (from 0) are where the scalar begins in the file ``text``. Where YAML
    folds lines the beginning is the answer.
    """
    lines = text.splitlines()
    if line >= len(lines):
        return line + 1, column + 1
    head = lines[line][column:]
    if head.startswith("|"):
        return _in_block(lines, line, offset) or (line + 1, column + 1)
    raw = _raw_offset(head, offset)
    return line + 1, column + 1 + (raw if raw is not None else 0)


def _in_block(lines: list[str], line: int, offset: int) -> tuple[int, int] | None:
    body = lines[line + 1 :]
    indent = next((len(row) - len(row.lstrip(" ")) for row in body if row.strip()), 0)
    for index, row in enumerate(body):
        width = max(len(row) - indent, 0)
        if offset <= width:
            return line + index + 2, indent + offset + 1
        offset -= width + 1
    return None


def _raw_offset(head: str, offset: int) -> int | None:
    """How far into the file's line a character is, quotes and escapes counted."""
    match head[:1]:
        case "'":
            pieces = re.finditer(r"''|[^']", head[1:])
        case '"':
            pieces = re.finditer(r'\\(?:x..|u.{4}|U.{8}|.)|[^"\\]', head[1:])
        case ">":
            return None
        case _:
            return offset if offset <= len(head) else None
    ends = [1, *(piece.end() + 1 for piece in pieces)]
    return ends[offset] if offset < len(ends) else None
