"""Text into terms: names are split, numbers and addresses left out, words brought to their stem."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from snowballstemmer import stemmer

from shared.runbook.search.lexicon import (
    ALIASES,
    GENERIC,
    IMPLIED,
    NAMES,
    RELATED,
    STOP,
    WITH_DIGITS,
)

#: What names one machine, moment or run: nothing that a runbook could be for.
_NOISE: Final = re.compile(
    r"""
      \{\{.*?\}\} | \{%.*?%\}                                        # templates
    | \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
    | \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?
    | \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+|/\d+)?\b                      # IPv4, with a port or a mask
    | \b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b                       # IPv6, MAC addresses
    | \b[a-z]+://[^\s/]+                                             # scheme and host; paths stay
    | \b[\w-]+@[\w.-]+
    | \b(?:[a-z0-9-]+\.){2,}[a-z]{2,}(?::\d+)?\b                     # names of hosts
    | \b[a-z0-9-]+\.(?:com|net|org|io|local|internal|lan)\b(?::\d+)?
    | (?<=[a-z])-[0-9a-f]{7,10}-[a-z0-9]{5}\b | (?<=[a-z])-(?=[a-z]*\d)[a-z0-9]{5}\b  # of pods
    | \b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b                       # hashes
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WORD: Final = re.compile(r"[^\W_]+")
_PARTS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\WA-Z\d_]+|[A-Z]+|\d+")
#: A status of HTTP is known by what stands before it.
_STATUS: Final = re.compile(
    r"\b(?:http|status|code|error|errors|response|returns?|returned|answers?|answered|got|with)"
    r"[\s:=]+(?:code[\s:=]+)?([45]\d\d)\b",
    re.IGNORECASE,
)
_EXIT_137: Final = re.compile(
    r"\bexit(?:ed)?(?:[ _]?(?:code|status|with))*[\s:=(]*137\b", re.IGNORECASE
)
#: A word with a number behind it names one of several machines: db-7, worker-3.
_NUMBERED: Final = re.compile(r"\b[^\W\d_]+(?:[-_@][^\W\d_]+)*[-_]\d+\b")
_LONGEST: Final = 40

_STEMMER: Final = stemmer("english")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of a word in small letters (Snowball's English)."""
    return str(_STEMMER.stemWord(word))


def split(word: str) -> list[str]:
    """The parts of a name, in small letters: CamelCase, snake_case, digits apart."""
    small = word.lower()
    if small in NAMES or small in WITH_DIGITS:
        return [small]
    return [part.lower() for part in _PARTS.findall(word)]


@lru_cache(maxsize=4096)
def _spelling(alias: str) -> tuple[str, ...]:
    return tuple(stem(part) for part in alias.split())


_STOPPED: Final = STOP | {stem(word) for word in STOP}
#: A stemmed spelling, and what stands for it in the index.
_Known: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]


def _known() -> dict[str, list[_Known]]:
    """All spellings by their first word, the longest first."""
    known: dict[str, list[_Known]] = {}
    for kept, others in ALIASES.items():
        for words in map(_spelling, (kept, *others)):
            known.setdefault(words[0], []).append((words, (kept,)))
    for kept, others in IMPLIED.items():
        for words in map(_spelling, others):
            said = tuple(_kept(word, known) for word in words if word not in _STOPPED)
            known.setdefault(words[0], []).append((words, (kept, *said)))
    for spellings in known.values():
        spellings.sort(key=lambda each: -len(each[0]))
    return known


def _kept(stemmed: str, known: Mapping[str, Sequence[_Known]]) -> str:
    """What stands for one word in the index."""
    return next((kept[0] for words, kept in known.get(stemmed, ()) if len(words) == 1), stemmed)


def _near() -> dict[str, tuple[str, ...]]:
    near: dict[str, set[str]] = {}
    for group in RELATED:
        found = {_kept(stem(word), _SPELLINGS) for word in group}
        for term in found:
            near.setdefault(term, set()).update(found - {term})
    return {term: tuple(sorted(others)) for term, others in near.items()}


_SPELLINGS: Final = _known()
#: Terms that say little whatever the library, as they stand in the index.
SAY_LITTLE: Final = frozenset(_kept(stem(word), _SPELLINGS) for word in GENERIC)
#: Each term's near ones, as they stand in the index.
NEAR: Final = _near()


def terms(text: str) -> tuple[str, ...]:
    """What the text is about, word by word, in its order.

    Addresses, hashes, moments, templates and plain numbers are left out; a status of HTTP stays,
    also as its class (503: ``503`` and ``5xx``).
    """
    normal = unicodedata.normalize("NFKC", text)
    codes = [status[1] for status in _STATUS.finditer(normal)]
    extra = [term for code in codes for term in (code, f"{code[0]}xx")]
    if _EXIT_137.search(normal):
        extra.append("oom")
    stemmed = [stem(word) for word in _words_of(_NOISE.sub(" ", normal))]
    return (*_named(stemmed), *extra)


def of_names(text: str) -> frozenset[str]:
    """Terms that the text has only as parts of names of machines, such as ``db-7``."""
    rest = _NUMBERED.sub(" ", text)
    return frozenset() if rest == text else frozenset(terms(text)).difference(terms(rest))


def _words_of(text: str) -> Iterator[str]:
    for found in _WORD.finditer(text):
        for part in split(found[0]):
            if not part.isdigit() and len(part) <= _LONGEST:
                yield part


def _named(stemmed: Sequence[str]) -> Iterator[str]:
    """Spellings of one thing become that thing; what carries nothing is dropped."""
    at = 0
    while at < len(stemmed):
        word = stemmed[at]
        for words, kept in _SPELLINGS.get(word, ()):
            if tuple(stemmed[at : at + len(words)]) == words:
                yield from kept
                at += len(words)
                break
        else:
            at += 1
            if word not in _STOPPED and len(word) > 1:
                yield word
