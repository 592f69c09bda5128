"""Values as what they are declared to be."""

import pytest

from shared.events import ValueType
from shared.runbook.values import ITEMS_MOST, WrongTypeError, text_of, typed

READ = [
    ("string", "a b", "a b"),
    ("string", 7, "7"),
    ("string", 7.5, "7.5"),
    ("string", True, "true"),
    ("enum", "a", "a"),
    ("integer", "7", 7),
    ("integer", " -7 ", -7),
    ("integer", 7.0, 7),
    ("number", "7.5", 7.5),
    ("number", "1e3", 1000),
    ("number", ".5", 0.5),
    ("number", 3, 3),
    ("boolean", "True", True),
    ("boolean", "off", False),
    ("boolean", "0", False),
    ("boolean", False, False),
    ("duration", "90s", "90s"),
    ("list", "a, b,,c", ["a", "b", "c"]),
    ("list", ["a", 2, True], ["a", "2", "true"]),
    ("list", "", []),
]
REFUSED = [
    ("string", {"a": 1}),
    ("string", None),
    ("string", float("nan")),
    ("integer", "7.5"),
    ("integer", "7; rm"),
    ("integer", "0x7"),
    ("integer", "9" * 30),
    ("integer", True),
    ("number", "1e999"),
    ("number", "nan"),
    ("number", float("inf")),
    ("number", False),
    ("boolean", "maybe"),
    ("boolean", 1),
    ("duration", "90"),
    ("duration", 90),
    ("list", 7),
    ("list", [["a"]]),
    ("list", ["a"] * (ITEMS_MOST + 1)),
]


@pytest.mark.parametrize(("kind", "given", "value"), READ)
def test_a_value_is_read_as_its_type(kind, given, value):
    found = typed(given, ValueType(kind))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("kind", "given"), REFUSED)
def test_what_is_no_value_of_a_type_is_refused(kind, given):
    with pytest.raises(WrongTypeError):
        typed(given, ValueType(kind))


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (7, "7"), (7.5, "7.5"), ("a", "a"), (["a", "b"], "a, b")],
)
def test_a_value_is_written_for_people(value, text):
    assert text_of(value) == text
