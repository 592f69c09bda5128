"""Asks the expressions of ``handrail.yaml`` about one alert of a body; never says what stood there.

Reasons are logged and answered, and a body may hold secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import cel
from jmespath.exceptions import JMESPathTypeError

from shared.mapping import VARIABLES, Expression, jmespath_of

# Each CEL expression gets its own copy of what it looks at: some 10 MB a second.
_COPIED_MOST: Final = 20_000_000
_BOTH: Final = frozenset({"body", "item"})


class NoAnswerError(Exception):
    """An expression could not be worked out; says why, without what stood in the body."""


@dataclass
class Asked:
    """One body, and what was found out about it as a whole. ``size`` counts its bytes."""

    body: Any
    headers: Mapping[str, str]
    size: int
    items: int = 1
    _of_the_whole: dict[str, Any] = field(default_factory=dict)

    def value(self, expression: Expression, item: Any) -> Any:
        """What an expression says of one alert; None where it looks at what is not there.

        Raises:
            NoAnswerError: see there.
        """
        if expression.jmespath is not None:
            return _jmespath(expression.jmespath, item)
        text = expression.cel or ""
        uses = _uses(text)
        if "item" in uses:
            return self._of_item(text, uses, item)
        if text not in self._of_the_whole:
            self._of_the_whole[text] = self._cel(text, uses, item)
        return self._of_the_whole[text]

    def _of_item(self, text: str, uses: frozenset[str], item: Any) -> Any:
        if uses >= _BOTH and self.items * self.size > _COPIED_MOST:
            raise NoAnswerError(
                "looks at body and item both, and this is too large for that: "
                "send fewer alerts in one notification"
            )
        return self._cel(text, uses, item)

    def _cel(self, text: str, uses: frozenset[str], item: Any) -> Any:
        known = {"body": self.body, "item": item, "headers": self.headers}
        try:
            return _program(text).execute({name: known[name] for name in uses})
        except LookupError:
            return None
        except (TypeError, ArithmeticError) as error:
            kind = "numbers" if isinstance(error, ArithmeticError) else "types"
            raise NoAnswerError(f"cannot be worked out: the {kind} here do not fit") from None
        except (RuntimeError, ValueError):
            raise NoAnswerError("cannot be worked out: a function cannot use this") from None


def _jmespath(text: str, item: Any) -> Any:
    try:
        return jmespath_of(text).search(item)
    except JMESPathTypeError as error:
        raise NoAnswerError(
            f"cannot be worked out: {error.function_name}() cannot use a {error.actual_type}"
        ) from None
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RuntimeError):
        raise NoAnswerError("cannot be worked out: a function cannot use this") from None


@lru_cache(maxsize=8192)
def _program(text: str) -> cel.Program:
    return cel.compile(text)


@lru_cache(maxsize=8192)
def _uses(text: str) -> frozenset[str]:
    return VARIABLES & set(_program(text).variables())
