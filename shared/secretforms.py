"""How a secret may be written: as it is, in base64 or hex, in a URL, JSON, a shell or a page."""

import html
import json
import shlex
from base64 import b64encode
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

#: What is shorter would be found by chance all over ordinary text.
SHORTEST: Final = 4
#: The lines of a secret of many lines, such as a private key, count from this length on.
SHORTEST_LINE: Final = 16
#: A part of a longer base64 counts from this length on.
SHORTEST_INSIDE: Final = 5
#: A longer secret is known by pieces of this length, so that what a form costs has a limit.
PIECE: Final = 128
#: By so many characters pieces overlap: in base64 the two at an edge depend on what is beside them.
OVERLAP: Final = 8


def forms(secret: str) -> Iterator[str]:
    """All the ways in which a secret may be written, some of them more than once."""
    # A break at an end is one of what stands around, as soon as lines are folded.
    for value in _values(secret.strip("\r\n")):
        yield from _forms(value)


def _values(secret: str) -> Iterator[str]:
    """The secret, its pieces where it is long, and its lines where it has some."""
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in lines:
            if len(line) >= SHORTEST_LINE and not line.startswith("-----"):
                yield from _pieces(line)
    # The frame of a key in PEM is no secret, and would be a part of a piece.
    if len(secret) >= SHORTEST and (len(lines) == 1 or not secret.startswith("-----")):
        yield from _pieces(secret)


def _pieces(value: str) -> Iterator[str]:
    if len(value) <= PIECE:
        yield value
        return
    for at in range(0, len(value) - PIECE, PIECE - OVERLAP):
        yield value[at : at + PIECE]
    yield value[-PIECE:]


def _forms(value: str) -> Iterator[str]:
    raw = value.encode(errors="surrogatepass")
    yield value
    yield from _in_url(raw)
    yield from _in_source(value)
    yield raw.hex()
    yield raw.hex().upper()
    # PowerShell's encoded commands are UTF-16.
    for coded in (raw, value.encode("utf-16-le", errors="surrogatepass")):
        for altchars in (b"+/", b"-_"):
            yield from _in_base64(coded, altchars)


def _in_url(raw: bytes) -> Iterator[str]:
    # Browsers leave some characters as they are that Python writes in hex.
    for written in (quote(raw, safe=""), quote(raw), quote(raw, safe="!'()*"), quote_plus(raw)):
        yield written
        yield "".join(
            part[:3].lower() + part[3:] if at else part for at, part in enumerate(_split(written))
        )


def _split(written: str) -> Iterator[str]:
    first, *rest = written.split("%")
    yield first
    yield from (f"%{part}" for part in rest)


def _in_source(value: str) -> Iterator[str]:
    """Between quotes: JSON, the shells, a page; a secret without special characters stays as is."""
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield shlex.quote(value)[1:-1] if "'" in value else value
    yield value.replace("'", "'\\''")
    yield value.replace("'", "''")
    yield html.escape(value)
    yield html.escape(value, quote=False)


def _in_base64(raw: bytes, altchars: bytes) -> Iterator[str]:
    coded = b64encode(raw, altchars).decode()
    yield coded
    yield coded.rstrip("=")
    yield from _inside_base64(raw, altchars)


def _inside_base64(raw: bytes, altchars: bytes) -> Iterator[str]:
    """What a secret looks like in the base64 of a longer text, such as ``user:secret``."""
    for shift, first in enumerate((0, 2, 3)):
        coded = b64encode(bytes(shift) + raw, altchars).decode().rstrip("=")
        # The characters at both ends are made of the neighbours' bits as well.
        inside = coded[first : len(coded) - bool((shift + len(raw)) % 3)]
        if len(inside) >= SHORTEST_INSIDE:
            yield inside
