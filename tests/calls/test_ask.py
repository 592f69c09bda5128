"""Forms for people: what may be answered."""

import pytest
from pydantic import ValidationError

from shared.calls.ask import FormField


def field(**given):
    return FormField.model_validate(given)


@pytest.mark.parametrize(
    ("given", "answer", "value"),
    [
        ({}, " web-1 ", "web-1"),
        ({"type": "integer"}, "-3", -3),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "no", False),
        ({"type": "choice", "options": ["a", "b"]}, "b", "b"),
        ({"pattern": "[a-z]+"}, "abc", "abc"),
        ({"type": "integer", "default": 5}, "", 5),
    ],
)
def test_an_answer_becomes_a_value_of_its_type(given, answer, value):
    found = field(**given).answered(answer)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("given", "answer", "told"),
    [
        ({}, "  ", "has to be answered"),
        ({"type": "integer"}, "3.5", "no whole number"),
        ({"type": "number"}, "NaN", "no number"),
        ({"type": "boolean"}, "perhaps", "yes or no"),
        ({"type": "choice", "options": ["a", "b"]}, "c", "one of a, b"),
        ({"pattern": "[a-z]+"}, "abc1", "not what is asked for"),
        ({}, "x" * 1001, "longer than"),
    ],
)
def test_an_answer_that_is_none_says_why(given, answer, told):
    with pytest.raises(ValueError, match=told):
        field(**given).answered(answer)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "choice"}, "options"),
        ({"options": ["a"]}, "options"),
        ({"type": "integer", "pattern": "x"}, "goes with a text"),
        ({"type": "choice", "options": ["a"], "default": "b"}, "none of the options"),
        ({"pattern": "("}, "no regular expression"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(given, told):
    with pytest.raises(ValidationError, match=told):
        field(**given)
