"""What of a runbook is searched: its fields as terms, each with its weight."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from shared.runbook.runbook import Runbook
from shared.runbook.search.words import terms


class Field(StrEnum):
    """Where in a runbook a word stands."""

    TITLE = "title"
    ALERTS = "alerts"
    TEXT = "text"
    NAME = "name"
    LABELS = "labels"
    SUMMARY = "summary"
    """The first paragraph of the description."""
    DESCRIPTION = "description"
    STEPS = "steps"


@dataclass(frozen=True)
class Weighing:
    """How much a word in a field counts, and the length, in words, that is usual there.

    ``told`` is how far a word there says what the runbook is for, 0 to 1.

    The usual lengths are fixed, not averages over the library: what a runbook scores does not
    change when another one is added.
    """

    weight: float
    usual: float
    told: float


_EMPTY_LINE: Final = re.compile(r"\n\s*\n")

WEIGHINGS: Final[Mapping[Field, Weighing]] = {
    Field.TITLE: Weighing(3.0, 6, 1.0),
    Field.ALERTS: Weighing(2.5, 8, 1.0),
    Field.TEXT: Weighing(3.0, 12, 1.0),
    Field.NAME: Weighing(2.0, 3, 1.0),
    Field.LABELS: Weighing(1.0, 3, 0.7),
    Field.SUMMARY: Weighing(1.5, 20, 0.7),
    Field.DESCRIPTION: Weighing(1.0, 60, 0.35),
    Field.STEPS: Weighing(0.3, 40, 0.2),
}


@dataclass(frozen=True)
class Document:
    """A runbook for the search. ``passage`` is what it says it is for, as prose."""

    name: str
    title: str
    fields: Mapping[Field, tuple[str, ...]]
    passage: str
    file: str = field(default="", compare=False)

    @cached_property
    def places(self) -> dict[str, dict[Field, int]]:
        """Each term, and how often it stands in which field."""
        found: dict[str, dict[Field, int]] = {}
        for place, words in self.fields.items():
            for word in words:
                counts = found.setdefault(word, {})
                counts[place] = counts.get(place, 0) + 1
        return found


def of_runbook(runbook: Runbook) -> Document:
    """A runbook that was checked."""
    return of_mapping(runbook.content.model_dump(mode="json", by_alias=True), runbook.file)


def of_mapping(data: Mapping[str, Any], file: str) -> Document:
    """What a file holds, also one with mistakes; what is not there counts as empty."""
    metadata, match = _mapping(data.get("metadata")), _mapping(data.get("match"))
    name = str(metadata.get("name") or file)
    summary, rest = _summary(str(data.get("description") or ""))
    texts = {
        Field.TITLE: str(metadata.get("title") or ""),
        Field.ALERTS: "\n".join(map(str, _list(match.get("alerts")))),
        Field.TEXT: str(match.get("text") or ""),
        Field.NAME: name,
        Field.LABELS: "\n".join(str(value) for value in _mapping(metadata.get("labels")).values()),
        Field.SUMMARY: summary,
        Field.DESCRIPTION: rest,
        Field.STEPS: "\n".join(_strings([data.get("steps"), data.get("verify")])),
    }
    spoken = (texts[place] for place in (Field.TITLE, Field.TEXT, Field.SUMMARY, Field.DESCRIPTION))
    return Document(
        name=name,
        title=texts[Field.TITLE] or name,
        fields={place: terms(text) for place, text in texts.items()},
        passage=". ".join(" ".join(text.split()) for text in spoken if text.strip()),
        file=file,
    )


def _summary(description: str) -> tuple[str, str]:
    """The first paragraph that is no heading, and the rest."""
    paragraphs = [each.strip() for each in _EMPTY_LINE.split(description) if each.strip()]
    first = next((each for each in paragraphs if not each.startswith("#")), "")
    return first, "\n\n".join(each for each in paragraphs if each is not first)


#: Of a step or a check, what is written in the language of the problem.
_SPEAKING: Final = frozenset({"title", "run", "query", "url", "sql", "statement", "contains"})


def _strings(steps: Iterable[Any]) -> Iterator[str]:
    for each in steps:
        if isinstance(each, Mapping):
            for key, value in each.items():
                if isinstance(value, str) and key in _SPEAKING:
                    yield value
                elif not isinstance(value, str):
                    yield from _strings([value])
        elif isinstance(each, list):
            yield from _strings(each)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, list | tuple) else []
