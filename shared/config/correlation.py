"""``correlation``: which tickets belong together, so that only one of them is planned."""

from datetime import timedelta
from typing import Annotated, Any, Final

import cel
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.alertwords import WORDS, AlertCondition, checked
from shared.config.section import Section
from shared.durations import PositiveDuration

#: What ``by`` may ask about: all that conditions may, and ``service``.
BY_WORDS: Final = WORDS | {"service"}
#: The labels of which the first that is there names the service.
SERVICE_LABELS: Final = ("service", "app", "job", "component")

# What began a day apart is hardly one problem, and all of it is looked at with every new ticket.
_WITHIN_MOST: Final = timedelta(days=1)


def _asking(text: str) -> str:
    if not cel.compile(checked(text, BY_WORDS)).variables():
        raise ValueError(
            f"{text} is the same for every alert: say what they have in common, such as "
            "labels.node, resource or service"
        )
    return text


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _each_once(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if texts.count(text) > 1:
            raise ValueError(f"{text} is there twice")
    return texts


def _not_too_long(within: timedelta) -> timedelta:
    if within > _WITHIN_MOST:
        raise ValueError("is longer than a day: what began so far apart is hardly one problem")
    return within


_By = Annotated[
    tuple[Annotated[str, AfterValidator(_asking)], ...],
    BeforeValidator(_several),
    AfterValidator(_each_once),
    Field(min_length=1),
]


class CorrelationRule(Section):
    """Puts tickets under one parent that begin ``within`` that time and have ``by`` in common.

    So many tickets as ``at_least`` make a group; or, where there are conditions ``of``, tickets
    that meet so many different ones of them. It is about the alerts for which ``when`` holds and
    all values of ``by`` are there.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    when: AlertCondition | None = None
    by: _By
    within: Annotated[PositiveDuration, AfterValidator(_not_too_long)] = timedelta(minutes=5)
    at_least: Annotated[int, Field(ge=2, le=1000)] = 2
    of: Annotated[tuple[AlertCondition, ...], AfterValidator(_each_once)] = ()
    reason: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _can_be_met(self) -> "CorrelationRule":
        if self.of and self.at_least > len(self.of):
            raise ValueError(
                f"`at_least` is {self.at_least}, and `of` has no more than {len(self.of)}: "
                "so many different conditions can never be met"
            )
        return self


def _each_name_once(rules: tuple[CorrelationRule, ...]) -> tuple[CorrelationRule, ...]:
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the rule {name!r} is there twice: groups name their rule")
    return rules


#: Rules in order, of which the first that groups a ticket wins.
Correlation = Annotated[tuple[CorrelationRule, ...], AfterValidator(_each_name_once)]
