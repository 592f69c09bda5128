"""What every part of a runbook's file is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of the file; what is not known is refused, so that a mistyped name is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]
StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
#: Of a parameter, an output, or the item of a `foreach`.
ValueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Text = Annotated[str, Field(min_length=1)]
#: CEL; what is longer than this belongs into several runbooks.
Condition = Annotated[str, Field(min_length=1, max_length=2000)]
