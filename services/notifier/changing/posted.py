"""What people post about a step: yes, no, or that they want other values for it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field, model_validator

from services.notifier.posted import PostedAnswer
from services.notifier.replied import VALUE_LENGTH, values_in
from services.notifier.text import cleaned

#: More parameters than this no step uses that a person could read.
_MOST: Final = 50

_Value = Annotated[str, Field(max_length=VALUE_LENGTH), AfterValidator(cleaned)]


class PostedDecision(PostedAnswer):
    """An answer, or other ``values``.

    ``confirm`` is what the page that showed the change had (``Preview.confirm``): without it, or
    with that of another change, the change is shown and nothing is sent.
    """

    octets: ClassVar[int] = 512 * 1024
    names: ClassVar[int] = _MOST + 10

    values: Annotated[Mapping[str, _Value], Field(max_length=_MOST)] = {}
    confirm: Annotated[str, Field(max_length=100)] = ""

    @model_validator(mode="before")
    @classmethod
    def _of_form(cls, said: Any) -> Any:
        """A form has its fields one by one, JSON has them together."""
        if not isinstance(said, dict) or "values" in said:
            return said
        return {**said, "values": values_in(said)}

    def as_form(self) -> dict[str, str]:
        """What was filled in, as the form had it."""
        values = {f"value.{name}": value for name, value in self.values.items()}
        return {"decision": self.decision.value, "reason": self.reason, **values}
