"""A value as it has to be written in a command, a URL or a query."""

import json
import re
import shlex
import unicodedata
from typing import Final
from urllib.parse import quote, urlsplit

from shared.errors import HandrailError

# What shlex leaves as it is, but a shell may take for an assignment or split in braces.
_NEEDS_MORE: Final = re.compile(
    r"[=,]|\A(if|then|elif|else|fi|for|while|until|do|done|case|esac|in)\Z"
)
# They change the order in which text is shown: a person would approve another command than runs.
_REORDERING: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_MAX_LENGTH: Final = 4096


class ValueRefusedError(HandrailError):
    """A value cannot be put where a template wants it."""


def checked(value: str) -> str:
    """The value, which is one line of text that is shown as it is.

    Raises:
        ValueRefusedError: it has line breaks, control characters, or characters that reorder text.
    """
    if len(value) > _MAX_LENGTH:
        raise ValueRefusedError(f"is longer than {_MAX_LENGTH} characters")
    for char in value:
        if char in "\n\r\x0b\x0c\x85\u2028\u2029":
            raise ValueRefusedError(f"has a line break (U+{ord(char):04X})")
        if char in _REORDERING or (unicodedata.category(char) in ("Cc", "Cs") and char != "\t"):
            raise ValueRefusedError(f"has a control character (U+{ord(char):04X})")
    return value


def in_shell(value: str) -> str:
    """One argument of a shell command.

    Raises:
        ValueRefusedError: see ``checked``.
    """
    quoted = shlex.quote(checked(value))
    return f"'{value}'" if quoted == value and _NEEDS_MORE.search(value) else quoted


def in_url(value: str) -> str:
    """One piece of a URL's path or query, percent-encoded (RFC 3986, 2.3)."""
    return quote(checked(value), safe="")


def in_string(value: str) -> str:
    """Inside a double-quoted string of PromQL."""
    return checked(value).replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")


def in_regex(value: str) -> str:
    """Inside a double-quoted string of PromQL that is a regular expression: the text itself."""
    return in_string(re.escape(checked(value)))


def in_json(value: str) -> str:
    """Inside a string of JSON (RFC 8259, 7), in ASCII."""
    return json.dumps(checked(value))[1:-1]


def in_hcl(value: str) -> str:
    """Inside a quoted template of Terraform's language: the text itself, and never a template.

    (https://developer.hashicorp.com/terraform/language/expressions/strings, "Escape Sequences".)
    """
    return in_string(value).replace("${", "$${").replace("%{", "%%{")


def as_name(value: str) -> str:
    """The name of a target.

    Raises:
        ValueRefusedError: it is empty, or has spaces or control characters.
    """
    if not checked(value) or any(char.isspace() for char in value):
        raise ValueRefusedError(f"{value!r} is no name: it is empty or has spaces")
    return value


def as_url(value: str) -> str:
    """A whole URL.

    Raises:
        ValueRefusedError: it is not http or https, names no host, or carries a password.
    """
    try:
        url = urlsplit(checked(value))
        usable = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError as error:
        raise ValueRefusedError(f"{value!r} is no URL: {error}") from error
    if not usable or any(char.isspace() for char in value):
        raise ValueRefusedError(f"{value!r} is no http or https URL")
    if url.username is not None or url.password is not None:
        raise ValueRefusedError("a URL with a user or a password in it would be shown to everybody")
    return value
