"""Secrets in what is shown, stored or sent, replaced."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "•••"
#: What is shorter would be found by chance all over ordinary text.
SHORTEST: Final = 4
#: The lines of a secret of many lines, such as a private key, count from this length on.
SHORTEST_LINE: Final = 16
SHORTEST_INSIDE: Final = 8


class Mask:
    """Replaces every known secret in a text, also written in base64 or for a URL."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form
            for secret in secrets
            for value in _values(secret)
            for form in _forms(value)
            if len(form) >= SHORTEST
        }
        # The longest first: of two secrets, one may begin with the other.
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """The text without the secrets.

        A secret that is cut in two by a boundary between two texts is not found in either.
        """
        return self._pattern.sub(MASK, text) if self._pattern else text


def _values(secret: str) -> Iterator[str]:
    if len(secret) < SHORTEST:
        return
    yield secret
    lines = secret.splitlines()
    if len(lines) > 1:
        yield from (
            line for line in lines if len(line) >= SHORTEST_LINE and not line.startswith("-----")
        )


def _forms(value: str) -> Iterator[str]:
    raw = value.encode(errors="surrogatepass")
    yield value
    for altchars in (b"+/", b"-_"):
        coded = b64encode(raw, altchars).decode()
        yield coded
        yield coded.rstrip("=")
        yield from _inside_base64(raw, altchars)
    yield quote(raw, safe="")
    yield quote_plus(raw)


def _inside_base64(raw: bytes, altchars: bytes) -> Iterator[str]:
    """What a secret looks like in the base64 of a longer text, such as ``user:secret``."""
    for shift, first in enumerate((0, 2, 3)):
        coded = b64encode(bytes(shift) + raw, altchars).decode().rstrip("=")
        # The characters at both ends are made of the neighbours' bits as well.
        inside = coded[first : len(coded) - bool((shift + len(raw)) % 3)]
        if len(inside) >= SHORTEST_INSIDE:
            yield inside
