"""What pydantic finds wrong with a value, in words that say what to change."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import ErrorDetails

_TEXT: Final = "a text is expected"
_WHOLE: Final = "a whole number is expected"
_NUMBER: Final = "a number is expected"
_TRUTH: Final = "true or false is expected"
_LIST: Final = "a list is expected"
_MAPPING: Final = "a mapping of names to values is expected"
_TIME: Final = "a time is expected, as 2026-03-01T10:00:00Z"
_DURATION: Final = "a duration is expected: a number of seconds, or as PT5M"
_URL: Final = "a URL is expected, as https://example.com/path"

#: By pydantic's names of what is wrong; in braces is what a constraint is about.
_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "there is no such field",
    "json_invalid": "this is no JSON: {error}",
    **dict.fromkeys(("string_type", "string_unicode", "bytes_type"), _TEXT),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    "int_parsing_size": "the number is too large",
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), _NUMBER),
    "finite_number": _NUMBER,
    **dict.fromkeys(("bool_type", "bool_parsing"), _TRUTH),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), _LIST),
    "iterable_type": _LIST,
    **dict.fromkeys(("dict_type", "mapping_type", "frozen_dict_type"), _MAPPING),
    **dict.fromkeys(("model_type", "model_attributes_type", "dataclass_type"), _MAPPING),
    "greater_than": "has to be more than {gt}",
    "greater_than_equal": "has to be {ge} or more",
    "less_than": "has to be less than {lt}",
    "less_than_equal": "has to be {le} or less",
    "multiple_of": "has to be a multiple of {multiple_of}",
    "too_short": "{min_length} or more have to be in it",
    "too_long": "{max_length} or fewer may be in it",
    "string_too_short": "has to have {min_length} characters or more",
    "string_too_long": "has to have {max_length} characters or fewer",
    "string_pattern_mismatch": "does not look as it should: it has to match {pattern}",
    "literal_error": "has to be {expected}",
    "enum": "has to be {expected}",
    "none_required": "nothing is expected here",
    "path_type": "a path is expected",
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_object_invalid"), _TIME),
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": "the time needs a zone: end it with Z, or as +02:00",
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing"),
        "a day is expected, as 2026-03-01",
    ),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), _DURATION),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), _URL),
    "url_scheme": "a URL that begins with {expected_schemes} is expected",
    **dict.fromkeys(("uuid_type", "uuid_parsing"), "a UUID is expected"),
}
_EMPTY: Final = "must not be empty"


def complaint(detail: ErrorDetails) -> str:
    """One mistake, without the value: that may be a secret, or a stranger's."""
    kind, about = detail["type"], detail.get("ctx", {})
    if kind in {"too_short", "string_too_short"} and about.get("min_length") == 1:
        return _EMPTY
    words = _WORDS.get(kind)
    return words.format_map(_plain(about)) if words else _unwrapped(detail["msg"])


def _plain(about: Mapping[str, Any]) -> dict[str, str]:
    """The context with whole numbers written as such."""
    return {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in about.items()
    }


def _unwrapped(message: str) -> str:
    """The text of an error that a validator of ours raised."""
    return message.removeprefix("Value error, ")
