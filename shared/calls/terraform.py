"""Terraform and OpenTofu: plans, what a plan changes, and the variables that Handrail sets.

Where the configuration lies and which workspace it is belong to the target.
"""

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from shared.calls.call import Call, Reads
from shared.lifecycle import Effect

_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"
#: https://developer.hashicorp.com/terraform/cli/state/resource-addressing
_ADDRESS: Final = re.compile(
    r"""[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*|\[[^\[\]]+\])+"""
)


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("is no address of a resource: write one as aws_instance.web[0]")
    return value


VariableName = Annotated[str, StringConstraints(pattern=_NAME)]
Address = Annotated[str, AfterValidator(_address), StringConstraints(max_length=500)]
Variables = dict[VariableName, JsonValue]


class Expectation(StrEnum):
    """What a plan has to say for its step to succeed."""

    ANYTHING = "anything"
    NO_CHANGES = "no_changes"


class Plan(Call):
    """Look at what Terraform would change; as a check, ``expect: no_changes`` says "it is done"."""

    action: ClassVar = "plan"
    effect: ClassVar = Effect.READ_ONLY

    variables: Variables = Field({}, description="For this plan only.")
    targets: tuple[Address, ...] = ()
    destroy: Annotated[bool, Reads.LITERAL] = False
    expect: Annotated[Expectation, Reads.LITERAL] = Expectation.ANYTHING


class Output(Call):
    """Read outputs as JSON by their names; those that are sensitive are not shown."""

    action: ClassVar = "output"
    effect: ClassVar = Effect.READ_ONLY

    names: tuple[VariableName, ...] = Field((), description="All of them where it is empty.")


class _Change(Call):
    """Planned first: the saved plan is what people approve, and what is applied."""

    has_dry_run: ClassVar = True
    saves_plan: ClassVar = True


class Apply(_Change):
    """Make things as the configuration says; or destroy them."""

    action: ClassVar = "apply"

    variables: Variables = Field({}, description="For this time only; set_variables keeps them.")
    targets: tuple[Address, ...] = ()
    replace: tuple[Address, ...] = Field(
        (), description="What is made anew although it is as said."
    )
    destroy: Annotated[bool, Reads.LITERAL] = False


class SetVariables(_Change):
    """Set variables in ``handrail.auto.tfvars.json`` and apply; ``rollback`` undoes it."""

    action: ClassVar = "set_variables"

    variables: Variables = Field(min_length=1)


class Rollback(_Change):
    """Go back to the variables before the last ``set_variables``, and apply."""

    action: ClassVar = "rollback"


class Replace(_Change):
    """Make resources anew."""

    action: ClassVar = "replace"

    addresses: tuple[Address, ...] = Field(min_length=1)


class RefreshOnly(_Change):
    """Bring the state up to what is really there; changes nothing else."""

    action: ClassVar = "refresh_only"


class Taint(Call):
    """Mark resources so that the next apply makes them anew."""

    action: ClassVar = "taint"
    effect: ClassVar = Effect.IDEMPOTENT

    addresses: tuple[Address, ...] = Field(min_length=1)


class Untaint(Call):
    """Take such marks away."""

    action: ClassVar = "untaint"
    effect: ClassVar = Effect.IDEMPOTENT

    addresses: tuple[Address, ...] = Field(min_length=1)


ACTIONS: Final[tuple[type[Call], ...]] = (
    *(Plan, Output, Apply, SetVariables, Rollback, Replace, RefreshOnly, Taint, Untaint),
)
