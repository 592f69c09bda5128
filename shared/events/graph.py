"""What makes steps a graph: joins, items, outputs, and texts that are written when it is time."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Join(StrEnum):
    """What a step waits for: all that it needs, or the first of them that succeeds."""

    ALL = "all"
    FIRST = "first"


class ValueType(StrEnum):
    """What a parameter or an output is; all but numbers, booleans and lists are texts."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DURATION = "duration"
    ENUM = "enum"
    LIST = "list"


class OutputRule(BaseModel):
    """How a value is found in what a step wrote to its standard output.

    Exactly one of ``regex`` (its first group, or all of it; a list takes every place where it is
    met) and ``json`` (JMESPath over the whole, which is then JSON). What is found and does not meet
    ``pattern`` counts as not found.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    regex: str | None = None
    json_path: str | None = Field(None, alias="json")
    type: ValueType = ValueType.STRING
    pattern: str | None = None


class Foreach(BaseModel):
    """A step that stands for one step an item; it ends when all of them have.

    ``items`` is where they come from, as an expression. ``known`` says that the plan has the items'
    steps already; else the executor makes them when it is this step's turn.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    items: str
    item: str = Field(description="What templates call one item.")
    limit: int = Field(description="With more items than this, none is run.")
    at_once: int | None = Field(None, description="How many run at a time; all where it is null.")
    known: bool


class Late(BaseModel):
    """The texts of a step that need what earlier steps found, and what else stands in them.

    They are written by the rules of the plan's own texts: every value is quoted for its place and
    never read as a template. ``values`` are those of the runbook that the step is from;
    ``patterned`` names the ones whose form their author has fixed; ``scope`` is what stands before
    the ids of that runbook's steps.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    templates: dict[str, str]
    values: dict[str, Any] = {}
    patterned: tuple[str, ...] = ()
    scope: str = ""


class Asks(BaseModel):
    """What is asked for before a step beside the policy, and why; it only ever tightens that."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    required: int = Field(0, ge=0, le=2)
    expires_after: timedelta | None = None
    reason: str = ""
