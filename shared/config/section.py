"""What every section of ``handrail.yaml`` is made of."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the file; what is not known is refused, so that a mistyped name is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")
