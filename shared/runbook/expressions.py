"""Expressions that stand for one value: the list of a ``foreach``, what a runbook is given."""

from typing import Final

from shared.runbook.template import Placeholder, cut

#: Why a runbook cannot be included for each of what a step finds: its plan could not be judged.
LATE_RUNBOOKS: Final = (
    "its items have to be known when the plan is made, not found by a step: "
    "have a step of the included runbook do the `foreach`"
)


def single(expression: str) -> Placeholder | None:
    """An expression as it stands in a template; None where it is none."""
    return single_of("{{ " + expression + " }}")


def single_of(template: str) -> Placeholder | None:
    """The placeholder that a template is, if it is one and nothing else."""
    match cut(template.strip()).parts:
        case (Placeholder() as alone,):
            return alone
    return None


def expression_of(items: str) -> str:
    """What a ``foreach`` is over, as an expression: with or without braces and ``params.``."""
    text = items.strip()
    if (alone := single_of(text)) is not None:
        text = alone.expression
    return text.removeprefix("params.")


def is_late(expression: str) -> bool:
    """Whether an expression can be worked out only when steps have ended."""
    found = single(expression)
    return found is not None and any(name == "steps" for name, _ in found.names)


def needs_outputs(template: str) -> bool:
    """Whether a template can be filled only when steps have ended."""
    return "steps" in cut(template).names
