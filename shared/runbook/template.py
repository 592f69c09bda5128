"""Templates: Jinja2 without statements, cut into text and placeholders.

What is judged when a runbook is loaded is what is put together when a plan is made: text as it
stands, and between it the value of each placeholder, quoted for exactly its place. Statements
(``{% if %}``) would make the text depend on the values, so that nobody could judge it beforehand.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.exceptions import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from shared.durations import duration
from shared.errors import HandrailError

_TEXT_TOKENS: Final = frozenset({"data"})
_MEMBER: Final = (nodes.Getattr, nodes.Getitem)
_NO_TEXT_TOKENS: Final = frozenset(
    {"raw_begin", "raw_end", "comment_begin", "comment", "comment_end"}
)
#: A brace that begins something, or that would with a placeholder behind it.
_OPENING: Final = re.compile(r"\{(?=[{%#]|\Z)")


class ValueMissingError(HandrailError):
    """A placeholder has no value, or one that is no text."""


class Named(dict[str, str]):
    """Labels or annotations as templates see them; ``labels.items`` is the label of that name."""

    def __init__(self, kind: str, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.kind = kind


class Found(dict[str, Any]):
    """What is known by names; one that is not there says so, in the words of ``missing``."""

    def __init__(self, missing: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.missing = missing


class _Environment(SandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Named):
            if obj.get(argument):
                return obj[argument]
            return self.undefined(f"the alert has no {obj.kind} {argument}")
        if isinstance(obj, Found):
            if argument in obj:
                return obj[argument]
            return self.undefined(f"{obj.missing} {argument}")
        return super().getitem(obj, argument)


def _seconds(written: Any) -> str:
    """A duration in seconds: ``{{ wait | seconds }}`` of ``5m`` is 300."""
    return f"{duration(str(written)).total_seconds():g}"


_ENVIRONMENT: Final = _Environment(undefined=StrictUndefined, keep_trailing_newline=True)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters["seconds"] = _seconds


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a text; ``offset`` counts characters from its beginning."""

    offset: int
    message: str


@dataclass(frozen=True)
class Text:
    """Text that stands as it is."""

    text: str
    offset: int


@dataclass(frozen=True)
class Reference:
    """A use of ``steps``: the names that follow it (none where that is computed), and where."""

    path: tuple[str, ...]
    offset: int


@dataclass(frozen=True)
class Placeholder:
    """One ``{{ … }}``; ``names`` are the variables in it, and where they stand."""

    expression: str
    offset: int
    names: tuple[tuple[str, int], ...]
    references: tuple[Reference, ...]
    compiled: Callable[..., Any] = field(compare=False, repr=False)

    def value(self, values: Mapping[str, Any]) -> str:
        """The value as a text.

        Raises:
            ValueMissingError: there is none, or it is no text.
        """
        value = self.raw(values)
        if isinstance(value, list):
            raise ValueMissingError(
                f"{{{{ {self.expression} }}}} is a list: use `foreach`, or add | join(',')"
            )
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueMissingError(f"{{{{ {self.expression} }}}} is no text")
        return str(value) if isinstance(value, int) else value

    def raw(self, values: Mapping[str, Any]) -> Any:
        """The value as it is.

        Raises:
            ValueMissingError: there is none.
        """
        try:
            value = self.compiled(**values)
            if isinstance(value, Undefined):
                str(value)
        except UndefinedError as error:
            raise ValueMissingError(str(error.message)) from error
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise ValueMissingError(f"{{{{ {self.expression} }}}} fails: {error}") from error
        return value


Part = Text | Placeholder


@dataclass(frozen=True)
class Cut:
    """A template in its parts, with every mistake that was found on the way."""

    parts: tuple[Part, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for place in self.placeholders for name, _ in place.names)


def literal(text: str) -> str:
    """A template that makes exactly this text, whatever braces it has."""
    return _OPENING.sub("{% raw %}{{% endraw %}", text)


@lru_cache(maxsize=8192)
def cut(template: str) -> Cut:
    """Cut a template into its parts."""
    if "\r" in template:
        where = template.index("\r")
        return Cut((), (Mistake(where, "a carriage return stands here: end lines with \\n only"),))
    try:
        tokens = list(_ENVIRONMENT.lex(template))
    except TemplateSyntaxError as error:
        return Cut((), (Mistake(_line_start(template, error.lineno), _first_line(error)),))
    return _Cutter(template, tokens).cut()


class _Cutter:
    def __init__(self, template: str, tokens: list[tuple[int, str, str]]) -> None:
        self._template = template
        self._tokens = tokens
        self._parts: list[Part] = []
        self._mistakes: list[Mistake] = []

    def cut(self) -> Cut:
        offset = 0
        opened: int | None = None
        names: list[tuple[str, int]] = []
        for _, kind, value in self._tokens:
            if not self._template.startswith(value, offset) or _trims(kind, value):
                return self._refused(offset, "whitespace control (- or + in the braces) is no use")
            if kind == "block_begin":
                return self._refused(
                    offset, "statements ({% … %}) are not allowed: use `when` of a step, or steps"
                )
            if kind == "variable_begin":
                opened, names = offset, []
            elif kind == "variable_end" and opened is not None:
                self._placeholder(opened, self._template[opened + 2 : offset], tuple(names))
                opened = None
            elif opened is not None and kind == "name":
                names.append((value, offset))
            elif kind in _TEXT_TOKENS:
                self._parts.append(Text(value, offset))
            offset += len(value)
        if opened is not None:
            return self._refused(opened, "this {{ has no }}")
        return Cut(tuple(self._parts), tuple(self._mistakes))

    def _refused(self, offset: int, message: str) -> Cut:
        return Cut((), (*self._mistakes, Mistake(offset, message)))

    def _placeholder(self, offset: int, source: str, names: tuple[tuple[str, int], ...]) -> None:
        expression = source.strip()
        try:
            tree = _ENVIRONMENT.parse("{{ " + expression + " }}")
            compiled = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)
        except TemplateSyntaxError as error:
            written = "{{ " + expression + " }}"
            hint = "for braces as they are write {% raw %}…{% endraw %}"
            message = f"{written} is no expression: {_first_line(error)}; {hint}"
            self._mistakes.append(Mistake(offset, message))
            return
        free = meta.find_undeclared_variables(tree)
        used = tuple((name, where) for name, where in names if name in free)
        references = _references(tree, [where for name, where in used if name == "steps"])
        self._parts.append(Placeholder(expression, offset, used, references, compiled))


def _references(tree: nodes.Template, offsets: list[int]) -> tuple[Reference, ...]:
    paths = [_path(node) for node in tree.find_all(_MEMBER)]
    paths += [() for node in tree.find_all(nodes.Name) if node.name == "steps"]
    # Of a chain `steps.a.outputs.b` its beginnings are found as well.
    found = sorted({path for path in paths if path is not None}, key=len, reverse=True)
    whole: list[tuple[str, ...]] = []
    for path in found:
        if not any(longer[: len(path)] == path for longer in whole):
            whole.append(path)
    first = offsets[0] if offsets else 0
    return tuple(Reference(path, first) for path in whole)


def _path(node: nodes.Node) -> tuple[str, ...] | None:
    """The names behind ``steps``; None for what is no chain of names that begins there."""
    match node:
        case nodes.Name(name="steps"):
            return ()
        case nodes.Getattr(node=inner, attr=name):
            return _below(inner, name)
        case nodes.Getitem(node=inner, arg=nodes.Const(value=name)):
            return _below(inner, name)
        case _:
            return None


def _below(node: nodes.Node, name: object) -> tuple[str, ...] | None:
    before = _path(node)
    return None if before is None else (*before, str(name))


def _trims(kind: str, value: str) -> bool:
    return kind.endswith("_end") and value.startswith(("-", "+"))


def _line_start(text: str, line: int) -> int:
    return sum(len(row) + 1 for row in text.split("\n")[: line - 1])


def _first_line(error: TemplateSyntaxError) -> str:
    return str(error.message or "cannot be read").splitlines()[0]
