"""What people fill in, from a form or in JSON: values by name, or that nobody answers."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field, model_validator

from services.notifier.posted import Posted
from services.notifier.text import cleaned

#: The most that one field takes.
VALUE_LENGTH: Final = 1000
#: How a form names the fields, whose own names could be those of other things on it.
_PREFIX: Final = "value."
_MOST: Final = 20

_Value = Annotated[str, Field(max_length=VALUE_LENGTH), AfterValidator(cleaned)]


class PostedReply(Posted):
    """An answer to a form, or that nobody gives one, which needs a reason.

    What has a command run again may have to be confirmed by a ``code``, as a yes.
    """

    #: All fields with as much as they take, in any encoding.
    octets: ClassVar[int] = 256 * 1024
    names: ClassVar[int] = _MOST + 5

    refuse: bool = False
    code: Annotated[str | None, Field(max_length=20)] = None
    values: Annotated[Mapping[str, _Value], Field(max_length=_MOST)] = {}

    @model_validator(mode="before")
    @classmethod
    def _of_form(cls, said: Any) -> Any:
        """A form has its fields one by one, JSON has them together."""
        if not isinstance(said, dict) or "values" in said:
            return said
        return {**said, "values": values_in(said)}

    @model_validator(mode="after")
    def _no_with_reason(self) -> "PostedReply":
        if self.refuse and not self.reason:
            raise ValueError("say why nobody answers it: a reason is needed")
        if self.refuse and self.values:
            raise ValueError("either answer it, or say that nobody does")
        return self


def values_in(form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form, by their own names."""
    return {
        name.removeprefix(_PREFIX): value
        for name, value in form.items()
        if name.startswith(_PREFIX)
    }
