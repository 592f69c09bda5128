"""How ``handrail.yaml`` describes a source that has no code: what is where in its bodies.

The expressions are JMESPath (https://jmespath.org/specification.html) or CEL
(https://github.com/google/cel-spec), and are checked when the file is read.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from shared.lifecycle import Severity
from shared.runbook.conditions import members, mistakes

#: What a CEL expression knows: the body, one alert in it (or the body again), and the headers.
VARIABLES: Final = frozenset({"body", "item", "headers"})

_RESOLVED: Final = ("resolved", "ok", "closed", "recovered", "up")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expression(_Section):
    """A JMESPath, which may be written as a bare text, or CEL: ``{cel: "…"}``."""

    jmespath: str | None = None
    cel: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_is_jmespath(cls, value: object) -> object:
        if isinstance(value, str):
            return {"jmespath": value}
        if not isinstance(value, Mapping | Expression):
            raise ValueError('an expression is a JMESPath in quotes, or {cel: "…"}')  # noqa: TRY004 only this is told with its place
        return value

    @model_validator(mode="after")
    def _understood(self) -> "Expression":
        if (self.jmespath is None) == (self.cel is None):
            raise ValueError('an expression is a JMESPath in quotes, or {cel: "…"}')
        self._checked_for(VARIABLES)
        return self

    def _checked_for(self, variables: frozenset[str]) -> None:
        for wrong in mistakes(self.cel, variables=variables) if self.cel is not None else ():
            raise ValueError(f"at character {wrong.offset + 1}: {wrong.message}")
        for name in self.headers:
            if name != name.lower():
                raise ValueError(f"headers have names in lower case: {name.lower()}")
        if self.jmespath is not None:
            _check_jmespath(self.jmespath)

    @property
    def headers(self) -> frozenset[str]:
        """The headers that it names."""
        return frozenset(name for name, _ in members(self.cel or "", "headers") if name)

    def without_item(self) -> "Expression":
        """Itself, where it does not need to know which alert it is about.

        Raises:
            ValueError: it does.
        """
        self._checked_for(VARIABLES - {"item"})
        return self


def _check_jmespath(text: str) -> None:
    try:
        parsed = jmespath_of(text).parsed
    except JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise ValueError(f"is no JMESPath expression: {reason}") from None
    for node in _calls(parsed):
        name, given = node["value"], len(node["children"])
        if name not in Functions.FUNCTION_TABLE:
            raise ValueError(f"there is no function {name} in JMESPath")
        wanted = Functions.FUNCTION_TABLE[name]["signature"]
        enough = given >= len(wanted) if wanted[-1].get("variadic") else given == len(wanted)
        if not enough:
            raise ValueError(f"{name}() takes {len(wanted)} arguments, and {given} are given")


def _calls(node: Any) -> Iterator[Any]:
    if not isinstance(node, Mapping):
        return
    if node.get("type") == "function_expression":
        yield node
    for child in node.get("children", ()):
        yield from _calls(child)


@lru_cache(maxsize=8192)
def jmespath_of(text: str) -> Any:
    """The expression, compiled.

    Raises:
        JMESPathError: it is none.
    """
    return jmespath.compile(text)


def _word(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


#: A word that a source says, compared in any case; YAML may read it as a number or a boolean.
Word = Annotated[str, BeforeValidator(_word)]


class GenericMap(_Section):
    """Where in a body the parts of its alerts are.

    ``alerts`` is the list of alerts; without it the body is one alert, or a list of them. In all
    others a JMESPath looks at one alert, and CEL at ``item``, ``body`` and ``headers``.
    ``fingerprint`` and ``name`` together tell one problem from another, firing and resolved.
    """

    alerts: Expression | None = None
    name: Expression | None = None
    title: Expression | None = None
    description: Expression | None = None
    severity: Expression | None = None
    severities: dict[Word, Severity] = {}
    status: Expression | None = None
    resolved: tuple[Word, ...] = _RESOLVED
    resource: Expression | None = None
    fingerprint: Annotated[tuple[Expression, ...], Field(min_length=1)]
    labels: dict[str, Expression] = {}
    links: dict[str, Expression] = {}
    starts_at: Expression | None = None
    ends_at: Expression | None = None

    @property
    def headers(self) -> frozenset[str]:
        """The headers that its expressions name."""
        return frozenset(name for one in self._expressions() for name in one.headers)

    def _expressions(self) -> Iterator[Expression]:
        for value in (getattr(self, name) for name in type(self).model_fields):
            if isinstance(value, Expression):
                yield value
            several = value.values() if isinstance(value, dict) else value
            if isinstance(several, Iterable):
                yield from (one for one in several if isinstance(one, Expression))

    @field_validator("alerts")
    @classmethod
    def _before_there_is_an_item(cls, alerts: Expression | None) -> Expression | None:
        return alerts.without_item() if alerts is not None else None

    @field_validator("severities")
    @classmethod
    def _in_any_case(cls, severities: dict[str, Severity]) -> dict[str, Severity]:
        plain = {word.strip().lower(): severity for word, severity in severities.items()}
        if len(plain) < len(severities):
            raise ValueError("a word is there twice: capitals make no difference")
        return plain

    @field_validator("resolved")
    @classmethod
    def _plain(cls, resolved: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word.strip().lower() for word in resolved)

    @model_validator(mode="after")
    def _makes_sense(self) -> "GenericMap":
        if self.name is None and self.title is None:
            raise ValueError("name or title is needed, so that people know what an alert is about")
        if self.severities and self.severity is None:
            raise ValueError("severities says what words mean, and severity where they are")
        if "resolved" in self.model_fields_set and self.status is None:
            raise ValueError("resolved says what words mean, and status where they are")
        return self
