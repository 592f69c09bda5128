"""Secrets in what is shown, stored or sent, replaced."""

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from shared.secretforms import SHORTEST, forms
from shared.unfolding import Span, Unfolded

MASK: Final = "•••"
#: A line break inside a secret, with the indentation after it; what folds lines makes no more.
_FOLD: Final = re.compile(r"(?:\r?\n[ \t]{0,80}){1,2}(?![\r\n])")
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
#: A secret of words may be broken where it has a blank, which is gone then.
_SHORTEST_OF_WORDS: Final = 8
#: What may be the beginning of a fold.
_OPEN_FOLD: Final = re.compile(r"(?:\r?\n[ \t]{0,80}){0,2}\r?\Z")
#: A secret with each character on a line of its own, indented, is so many times as long.
_SPREAD: Final = 100


class Mask:
    """Replaces every known secret in a text, also when it is encoded or folded over lines.

    A secret with a line break is known by its lines too. What is shorter than four characters is no
    secret: it would be found by chance all over ordinary text.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: set[str] = set()
        self._forms: set[str] = set()
        self._finders: list[_Finder] = []
        self._patience = 0
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know these as well from now on; what was known stays so."""
        fresh = set(secrets) - self._secrets
        if not fresh:
            return
        self._secrets |= fresh
        self._forms |= {form for secret in fresh for form in forms(secret)}
        finders = [
            _Finder(self._forms, _FOLD, SHORTEST),
            _Finder(filter(_BLANKS.search, self._forms), _BLANKS, _SHORTEST_OF_WORDS),
        ]
        self._finders = [finder for finder in finders if finder.longest]
        self._patience = _SPREAD * max((each.longest for each in self._finders), default=0)

    def __call__(self, text: str) -> str:
        """The text without the secrets that stand in it whole; see ``settled`` for parts."""
        return _replaced(text, self._spans(text)) if self._finders else text

    def settled(self, text: str) -> tuple[str, str]:
        """What of a text that goes on may be shown by now, masked, and the rest as it is.

        The rest begins before whatever may become a secret with what comes next; it stands before
        that when this is asked again.
        """
        if not self._finders:
            return text, ""
        spans, border = self._spans(text), self._open_from(text)
        # A secret that ends in what may become another one is kept back as a whole.
        border = next((start for start, end in spans if start < border < end), border)
        if spans and len(text) - border > self._patience:
            # A text that repeats itself for ever could be kept back for ever.
            border = max(border, spans[-1][1])
        shown = [span for span in spans if span[1] <= border]
        return _replaced(text[:border], shown), text[border:]

    def closed(self, text: str) -> str:
        """The text without secrets, of one that breaks off at its end not even the first part."""
        spans, border = self._spans(text), self._open_from(text)
        if len(text) - border >= SHORTEST:
            spans = _merged([*spans, (border, len(text))])
        return _replaced(text, spans)

    def opened(self, text: str) -> str:
        """The text without the last part of a secret at its beginning: what was before is missing.

        Nothing else is replaced.
        """
        start = text[: self._patience]
        torn = max((finder.torn_until(start) for finder in self._finders), default=0)
        if not torn:
            return text
        return MASK + text[_merged([(0, torn), *self._spans(start)])[0][1] :]

    def _spans(self, text: str) -> list[Span]:
        """Where secrets stand, in order; those that overlap are one."""
        return _merged(span for finder in self._finders for span in finder.spans(text))

    def _open_from(self, text: str) -> int:
        return min((finder.open_from(text) for finder in self._finders), default=len(text))


class _Finder:
    """Finds forms of secrets in texts, whatever ``folds`` finds being left out of both."""

    def __init__(self, known: Iterable[str], folds: re.Pattern[str], shortest: int) -> None:
        bare = {form for each in known if len(form := folds.sub("", each)) >= shortest}
        self.longest = max(map(len, bare), default=0)
        self._folds = folds
        # The longest first: of two secrets, one may begin with the other.
        self._heads: dict[str, list[str]] = defaultdict(list)
        self._tails: dict[str, list[str]] = defaultdict(list)
        for form in sorted(bare, key=lambda form: (-len(form), form)):
            self._heads[form[:SHORTEST]].append(form)
            self._tails[form[-SHORTEST:]].append(form)
        self._any_head = re.compile("|".join(map(re.escape, sorted(self._heads))))
        self._begins = {form[:count] for form in bare for count in range(1, SHORTEST)}

    def spans(self, raw: str) -> Iterable[Span]:
        """Where the forms stand whole."""
        plain = Unfolded(raw, self._folds)
        text, found = plain.text, self._any_head.search(plain.text)
        while found:
            at = found.start()
            for form in self._heads[found[0]]:
                if text.startswith(form, at):
                    yield plain.span(at, at + len(form))
                    break
            # One may begin inside another.
            found = self._any_head.search(text, at + 1)

    def open_from(self, raw: str) -> int:
        """From where on a text may be the beginning of a form; its length, if nowhere."""
        plain = Unfolded(raw, self._folds)
        border = len(raw)
        for end in {len(plain.text), len(_OPEN_FOLD.sub("", plain.text))}:
            for at in range(max(0, end - self.longest + 1), end):
                if self._begins_with(plain.text[at:end]):
                    border = min(border, plain.span(at, at + 1)[0])
                    break
        return border

    def torn_until(self, raw: str) -> int:
        """Up to where a text may be the end of a form."""
        plain = Unfolded(raw, self._folds)
        for count in range(min(self.longest, len(plain.text)), SHORTEST - 1, -1):
            part = plain.text[:count]
            if any(form.endswith(part) for form in self._tails.get(part[-SHORTEST:], ())):
                return plain.span(0, count)[1]
        return 0

    def _begins_with(self, part: str) -> bool:
        if len(part) < SHORTEST:
            return part in self._begins
        return any(form.startswith(part) for form in self._heads.get(part[:SHORTEST], ()))


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _replaced(text: str, spans: Iterable[Span]) -> str:
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return MASK.join(text[start:end] for start, end in list(pairwise(edges))[::2])
