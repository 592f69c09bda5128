"""What pydantic finds wrong is told in words that say what to change."""

from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
)

from shared.complaints import complaint


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Box(BaseModel, extra="forbid"):
    name: str


def at_least_one(of):
    return Annotated[of, Field(min_length=1)]


WRONG = [
    (Box, {}, "is missing"),
    (Box, {"name": "a", "x": 1}, "there is no such field"),
    (Box, 7, "a mapping of names to values is expected"),
    (dict[str, str], [], "a mapping of names to values is expected"),
    (list[str], "a", "a list is expected"),
    (tuple[str, ...], 7, "a list is expected"),
    (str, 7, "a text is expected"),
    (int, "many", "a whole number is expected"),
    (int, 1.5, "a whole number is expected"),
    (float, "much", "a number is expected"),
    (bool, "perhaps", "true or false is expected"),
    (Annotated[int, Field(ge=2)], 0, "has to be 2 or more"),
    (Annotated[int, Field(gt=0)], 0, "has to be more than 0"),
    (Annotated[float, Field(le=1)], 3, "has to be 1 or less"),
    (Annotated[float, Field(lt=0.5)], 3, "has to be less than 0.5"),
    (at_least_one(list[str]), [], "must not be empty"),
    (at_least_one(str), "", "must not be empty"),
    (Annotated[list[int], Field(min_length=2)], [1], "2 or more have to be in it"),
    (Annotated[list[int], Field(max_length=1)], [1, 2], "1 or fewer may be in it"),
    (Annotated[str, Field(min_length=8)], "x", "has to have 8 characters or more"),
    (Annotated[str, Field(max_length=2)], "xyz", "has to have 2 characters or fewer"),
    (
        Annotated[str, Field(pattern="^[a-z]+$")],
        "X",
        "does not look as it should: it has to match ^[a-z]+$",
    ),
    (Literal["act", "observe"], "run", "has to be 'act' or 'observe'"),
    (Colour, "green", "has to be 'red' or 'blue'"),
    (Path, 3, "a path is expected"),
    (AwareDatetime, "noon", "a time is expected, as 2026-03-01T10:00:00Z"),
    (AwareDatetime, "2026-03-01T10:00:00", "the time needs a zone: end it with Z, or as +02:00"),
    (date, "soon", "a day is expected, as 2026-03-01"),
    (timedelta, "soon", "a duration is expected: a number of seconds, or as PT5M"),
    (AnyUrl, "here", "a URL is expected, as https://example.com/path"),
    (UUID, "seven", "a UUID is expected"),
]


def complaint_of(kind, value):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    (detail,) = caught.value.errors()
    return complaint(detail)


@pytest.mark.parametrize(("kind", "value", "told"), WRONG)
def test_what_is_wrong_says_what_to_change(kind, value, told):
    assert complaint_of(kind, value) == told


def test_what_is_no_json_says_where():
    with pytest.raises(ValidationError) as caught:
        Box.model_validate_json("{nonsense")
    (detail,) = caught.value.errors()
    assert complaint(detail) == "this is no JSON: key must be a string at line 1 column 2"


def test_what_a_validator_of_ours_says_is_told_as_it_is():
    def never(value):
        raise ValueError("use lower case")

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Annotated[str, BeforeValidator(never)]).validate_python("X")
    (detail,) = caught.value.errors()
    assert complaint(detail) == "use lower case"
