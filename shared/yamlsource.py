"""YAML files whose mistakes are told with file, line, column and reason."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from shared.complaints import complaint
from shared.errors import HandrailError
from shared.yamlhints import did_you_mean
from shared.yamlscalar import place_inside

M = TypeVar("M", bound=BaseModel)
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake in a file; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class SourceError(HandrailError):
    """A file says something that cannot be meant; ``problems`` has every mistake that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Source:
    """A parsed YAML document that remembers where everything stands."""

    file: str
    data: Any
    text: str = ""

    def problem(self, path: Path_, message: str) -> Problem:
        """A mistake at the nearest place to ``path`` that the document has."""
        line, column = self.position(path)
        return Problem(self.file, line, column, message)

    def problem_inside(self, path: Path_, offset: int, message: str) -> Problem:
        """A mistake at the ``offset``-th character of the text that stands at ``path``."""
        return Problem(self.file, *self.position_inside(path, offset), message)

    def position_inside(self, path: Path_, offset: int) -> tuple[int, int]:
        """Line and column of a character of a text, or of the text where folding hides it."""
        node = self.data
        for part in path[:-1]:
            node = node[part]
        key = path[-1]
        place = node.lc.item if _has_item(node, key) else node.lc.value
        try:
            line, column = place(key)
        except KeyError:  # it came in by a merge (<<)
            return self.position(path)
        return place_inside(self.text, line, column, offset)

    def position(self, path: Path_) -> tuple[int, int]:
        """Line and column (from 1) of a key or an item, or of the nearest thing around it."""
        node = self.data
        found = (node.lc.line, node.lc.col) if hasattr(node, "lc") else (0, 0)
        for index, part in enumerate(path):
            if isinstance(node, Mapping) and _leads_on(node, part, path[index + 1 :]):
                # What came in by a merge (<<) has no place of its own.
                with suppress(KeyError):
                    found = node.lc.key(part)  # type: ignore[attr-defined]
            elif _has_item(node, part):
                found = node.lc.item(part)
            else:
                # A model's own names (a union's tag, say) are in the path but not in the file.
                continue
            node = node[part]
        return found[0] + 1, found[1] + 1

    def parse(self, model: type[M]) -> M:
        """The document as a model.

        Raises:
            SourceError: with every mistake, each at its place.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            found = [self._located(model, detail) for detail in _told(error)]
            raise SourceError(found) from error

    def _located(self, model: type[BaseModel], detail: Any) -> Problem:
        path: Path_ = detail["loc"]
        name = ".".join(str(part) for part in self._own_names(path))
        message = _reason(model, detail)
        return self.problem(path, f"{name}: {message}" if name else message)

    def _own_names(self, path: Path_) -> Iterator[str | int]:
        """The path without what only the model knows, such as the tag of a union."""
        node = self.data
        for index, part in enumerate(path):
            mapped = isinstance(node, Mapping) and _leads_on(node, part, path[index + 1 :])
            inside = mapped or _has_item(node, part)
            node = node[part] if inside else node
            if inside or index == len(path) - 1:
                yield part


def _told(error: ValidationError) -> list[Any]:
    """The details, without "too few items" of a list whose items are what is wrong."""
    details: list[Any] = list(error.errors())
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(
            other["loc"][: len(detail["loc"])] == detail["loc"]
            for other in details
            if other is not detail
        )
    ]


def _reason(model: type[BaseModel], detail: Any) -> str:
    given, context = detail["input"], detail.get("ctx", {})
    tag = str(context.get("discriminator", "")).strip("'")
    match detail["type"]:
        case "extra_forbidden":
            reason = "there is no such field" + did_you_mean(model, detail["loc"])
        case "string_type" if isinstance(given, bool | int | float):
            reason = f"a text is expected, and YAML reads this as {given!r}: put it in quotes"
        case "union_tag_not_found":
            reason = f"the field {tag} is missing: it says what kind this is"
        case "union_tag_invalid":
            reason = f"{tag} is one of {context['expected_tags']}"
        case _:
            reason = complaint(detail)
    return reason


# ruamel.yaml repeats both values of a key that is there twice, and one may be a secret.
_VALUES: Final = re.compile(r" with value .*", re.DOTALL)


def read_source(text: str, *, file: str) -> Source:
    """Parse YAML text.

    Raises:
        SourceError: it is no YAML, has a key twice, or is not a mapping.
    """
    try:
        data = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = _VALUES.sub("", str(error.problem or error.context).splitlines()[0])
        raise SourceError([Problem(file, line, column, reason)]) from error
    except YAMLError as error:
        raise SourceError([Problem(file, 1, 1, " ".join(str(error).split()))]) from error
    if not isinstance(data, Mapping):
        raise SourceError([Problem(file, 1, 1, "a mapping of names to values is expected")])
    return Source(file, data, text)


def read_file(path: Path) -> Source:
    """Parse a YAML file; see ``read_source``.

    Raises:
        SourceError: also when it cannot be read as UTF-8 text.
    """
    try:
        # Not as text: that would change line ends, and a version is a hash of what is there.
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise SourceError([Problem(str(path), 1, 1, message)]) from error
    except UnicodeDecodeError as error:
        message = f"cannot be read: it is no text in UTF-8 (byte {error.start + 1})"
        raise SourceError([Problem(str(path), 1, 1, message)]) from error
    return read_source(text, file=str(path))


def _leads_on(node: Mapping[Any, Any], part: str | int, rest: Path_) -> bool:
    """Whether a part of a path is a key here, not the tag of a union that is called like one."""
    if part not in node:
        return False
    return isinstance(node[part], Mapping | list) or not rest or rest[0] not in node


def _has_item(node: Any, part: str | int) -> bool:
    return isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node)
