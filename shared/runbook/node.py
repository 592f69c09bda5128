"""What every step of a runbook has, whatever it does: its place, and rules around it."""

from datetime import timedelta
from typing import Final, Literal

from pydantic import Field, JsonValue, model_validator

from shared.durations import Duration, PositiveDuration
from shared.events import Join, OnFailure, ValueType
from shared.runbook.part import Condition, Part, StepId, Text, ValueName

#: Without a word about it, a `foreach` over more items than this is no plan.
ITEMS_LIMIT: Final = 20


class RetryRule(Part):
    """How often a failed step is tried in all, and the first pause between."""

    attempts: int = Field(1, ge=1, le=10)
    backoff: Duration = timedelta(seconds=2)


class ApprovalAsk(Part):
    """Who has to say yes beyond what the policy says; it can only be stricter than that."""

    require: int = Field(0, ge=0, le=2)
    expires: PositiveDuration | None = None


class Output(Part):
    """How a value is found in a step's standard output."""

    regex: Text | None = None
    json_path: Text | None = Field(None, alias="json", description="JMESPath, as a.b[0].")
    type: Literal[
        ValueType.STRING,
        ValueType.INTEGER,
        ValueType.NUMBER,
        ValueType.BOOLEAN,
        ValueType.LIST,
    ] = ValueType.STRING
    pattern: Text | None = Field(None, description="What is found and is not this is not found.")

    @model_validator(mode="after")
    def _one_way(self) -> "Output":
        if (self.regex is None) == (self.json_path is None):
            raise ValueError("say how it is found: one of `regex` and `json`")
        return self


class ForeachRule(Part):
    """A step for each item of a list, a list parameter, or a list that a step found."""

    items: Text | tuple[JsonValue, ...]
    item: ValueName = Field("item", alias="as")
    limit: int = Field(ITEMS_LIMIT, ge=1, le=200)
    at_once: int | None = Field(None, ge=1, description="How many run at a time; else all.")


class StepNode(Part):
    """What every step has: its place among the others."""

    id: StepId
    title: Text | None = None
    expect: Text | None = Field(None, description="What it should come to, for people.")
    needs: tuple[str, ...] = ()
    join: Join = Join.ALL
    when: Condition | None = None
    on_failure: OnFailure = OnFailure.STOP
    goto: StepId | None = Field(
        None, description="With on_failure goto: a step that runs only after such a failure."
    )
    foreach: ForeachRule | None = None

    @model_validator(mode="after")
    def _goes_somewhere(self) -> "StepNode":
        if (self.on_failure is OnFailure.GOTO) != (self.goto is not None):
            raise ValueError("`on_failure: goto` and `goto: STEP` go together")
        return self

    @model_validator(mode="after")
    def _first_of_several(self) -> "StepNode":
        if self.join is Join.FIRST and not self.needs:
            raise ValueError("join: first needs steps to wait for: name them under `needs`")
        return self
