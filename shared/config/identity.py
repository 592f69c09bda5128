"""``sources.X.fingerprint``: rules that say which alerts of a source are one problem."""

import re
from typing import Annotated, Any, Final

import cel
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.alertwords import WORDS, checked
from shared.config.section import Section
from shared.runbook.conditions import mistakes

#: What is the same in the firing and the resolved notification; the rest may have changed by then.
LASTING: Final = frozenset({"name", "source", "resource", "labels"})

_WORD: Final = re.compile(r"\w+")
_EXACTLY_ONE: Final = (
    "say by exactly one of `labels`, `without` and `by` what tells one problem from another"
)


def _lasting(text: str) -> str:
    checked(text, WORDS)
    for wrong in mistakes(text, variables=LASTING):
        word = _WORD.match(text, wrong.offset)
        raise ValueError(
            f"at character {wrong.offset + 1}: {word[0] if word else text} may be another when the "
            "problem is over, and firing and resolved have to be the same problem: ask for "
            "name, source, resource or labels"
        )
    return text


def _asking(text: str) -> str:
    if not cel.compile(_lasting(text)).variables():
        raise ValueError(
            f"{text} is the same for every alert: ask for name, source, resource or labels"
        )
    return text


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is there twice")
    return names


_Name = Annotated[str, Field(min_length=1, max_length=500)]
_Names = Annotated[
    tuple[_Name, ...], BeforeValidator(_several), AfterValidator(_each_once), Field(min_length=1)
]
_Texts = Annotated[
    tuple[Annotated[str, AfterValidator(_asking)], ...],
    BeforeValidator(_several),
    AfterValidator(_each_once),
    Field(min_length=1),
]


class IdentityRule(Section):
    """What tells the problems of the alerts apart for which ``when`` holds; without it, of all.

    By one of three: the name and these ``labels``; the name and all labels ``without`` these; or
    only what the CEL texts in ``by`` say.
    """

    when: Annotated[str, AfterValidator(_lasting)] | None = None
    labels: _Names | None = None
    without: _Names | None = None
    by: _Texts | None = None

    @model_validator(mode="after")
    def _says_by_what(self) -> "IdentityRule":
        if sum(said is not None for said in (self.labels, self.without, self.by)) != 1:
            raise ValueError(_EXACTLY_ONE)
        return self


def _each_is_reached(rules: tuple[IdentityRule, ...]) -> tuple[IdentityRule, ...]:
    for at, rule in enumerate(rules[:-1], 1):
        if rule.when is None:
            raise ValueError(
                f"the rules after number {at} are never asked, as it has no `when`: "
                "put it last, or say when it applies"
            )
    return rules


#: Rules in order, of which the first that applies decides; a single one needs no list.
IdentityRules = Annotated[
    tuple[IdentityRule, ...],
    BeforeValidator(_several),
    AfterValidator(_each_is_reached),
    Field(min_length=1),
]
