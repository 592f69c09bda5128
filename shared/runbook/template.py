"""Templates: Jinja2 without statements, cut into text and placeholders.

What is judged when a runbook is loaded is what is put together when a plan is made: text as it
stands, and between it the value of each placeholder, quoted for exactly its place. Statements
(``{% if %}``) would make the text depend on the values, so that nobody could judge it beforehand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, meta
from jinja2.exceptions import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from shared.errors import HandrailError

_TEXT_TOKENS: Final = frozenset({"data"})
_NO_TEXT_TOKENS: Final = frozenset(
    {"raw_begin", "raw_end", "comment_begin", "comment", "comment_end"}
)


class ValueMissingError(HandrailError):
    """A placeholder has no value, or one that is no text."""


class Named(dict[str, str]):
    """Labels or annotations as templates see them; ``labels.items`` is the label of that name."""

    def __init__(self, kind: str, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.kind = kind


class _Environment(SandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Named):
            if obj.get(argument):
                return obj[argument]
            return self.undefined(f"the alert has no {obj.kind} {argument}")
        return super().getitem(obj, argument)


_ENVIRONMENT: Final = _Environment(undefined=StrictUndefined, keep_trailing_newline=True)
_ENVIRONMENT.globals.clear()


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
class Placeholder:
    """One ``{{ … }}``; ``names`` are the variables in it, and where they stand."""

    expression: str
    offset: int
    names: tuple[tuple[str, int], ...]
    compiled: Callable[..., Any] = field(compare=False, repr=False)

    def value(self, values: Mapping[str, Any]) -> str:
        """The value as a text.

        Raises:
            ValueMissingError: there is none, or it is no text.
        """
        try:
            value = self.compiled(**values)
            if isinstance(value, Undefined):
                str(value)
        except UndefinedError as error:
            raise ValueMissingError(str(error.message)) from error
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise ValueMissingError(f"{{{{ {self.expression} }}}} fails: {error}") from error
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueMissingError(f"{{{{ {self.expression} }}}} is no text")
        return str(value) if isinstance(value, int) else value


Part = Text | Placeholder


@dataclass(frozen=True)
class Cut:
    """A template in its parts, with every mistake that was found on the way."""

    parts: tuple[Part, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self.parts if isinstance(part, Placeholder))


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
        self._parts.append(Placeholder(expression, offset, used, compiled))


def _trims(kind: str, value: str) -> bool:
    return kind.endswith("_end") and value.startswith(("-", "+"))


def _line_start(text: str, line: int) -> int:
    return sum(len(row) + 1 for row in text.split("\n")[: line - 1])


def _first_line(error: TemplateSyntaxError) -> str:
    return str(error.message or "cannot be read").splitlines()[0]
