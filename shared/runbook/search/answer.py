"""What a search answers: ranked runbooks, why each has its score, and whether one may start."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.runbook.search.index import Match
from shared.runbook.search.success import Record, boost


class Verdict(StrEnum):
    """What may be done with the answer."""

    CLEAR = "clear"
    """The first fits, and no other comes near."""
    CLOSE = "close"
    """Several fit about as well, or one fits a little: a person chooses."""
    NONE = "none"
    """Nothing fits; what is ranked only comes nearest."""


class Ranking(StrEnum):
    """What an answer was ranked by."""

    WORDS = "words"
    BOTH = "words and meaning"


@dataclass(frozen=True)
class Hit:
    """A ranked runbook.

    ``score`` is what it is ranked by. ``fit`` says how well it answers, and can be compared between
    libraries; ``strength`` compares those of one answer.
    """

    name: str
    title: str
    file: str
    score: float
    fit: float
    strength: float
    why: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The hits, the best first; ``because`` is the verdict in words.

    ``choices`` are the names to ask about: one when it is clear, none when nothing fits.
    """

    query: str
    verdict: Verdict
    because: str
    hits: tuple[Hit, ...]
    choices: tuple[str, ...] = ()
    ranked_by: Ranking = Ranking.WORDS


#: What a fit is at least. Calibrated on one half of the benchmark's queries; see docs/runbooks.md.
FITS: Final = 0.56
#: What it is at least for a runbook that starts without a question.
SURE: Final = 0.65
#: How much better than the second the first is, for it to be clear.
AHEAD: Final = 1.25


def judged(
    query: str, hits: tuple[Hit, ...], *, limit: int, ranked_by: Ranking = Ranking.WORDS
) -> Answer:
    """The verdict over the ranked hits, of which ``limit`` are told."""
    verdict, because, choices = _verdict(hits)
    return Answer(query, verdict, because, hits[:limit], choices, ranked_by)


def _verdict(hits: tuple[Hit, ...]) -> tuple[Verdict, str, tuple[str, ...]]:
    if not hits:
        return Verdict.NONE, "no runbook has a word of it", ()
    best = hits[0]
    if best.fit < FITS:
        because = f"{best.name} comes nearest and speaks of too little of it ({best.fit:.2f})"
        return Verdict.NONE, because, ()
    near = tuple(hit.name for hit in hits if hit.strength * AHEAD > best.strength)
    if len(near) > 1:
        return Verdict.CLOSE, f"{len(near)} fit about as well: {', '.join(near)}", near
    if best.fit < SURE:
        because = f"only {best.name} comes near, and it speaks of little of it ({best.fit:.2f})"
        return Verdict.CLOSE, because, near
    return Verdict.CLEAR, f"{best.name} is well ahead", near


def reasons(match: Match, record: Record | None) -> tuple[str, ...]:
    """Why a runbook has its score: each word, where it stands, what it gave; its record."""
    said = [
        f"{_word(one.term, one.through)} in {' and '.join(one.fields)}: {one.score:.2f}"
        for one in match.met
    ]
    said.append(f"speaks of {match.share:.0%} of what the text says")
    if record is not None and record.runs:
        said.append(
            f"{record.verified} of {record.runs} runs verified, {record.failed} failed: "
            f"times {boost(record):.3f}"
        )
    return tuple(said)


def _word(term: str, through: str) -> str:
    return term if term == through else f"{term} (as {through})"
