"""A script as one text: how it is started, and below that its source as it stands.

    python3 'web 1' --dry
    import sys
    …

Values come in as arguments, each quoted as one; the source is never a template.
"""

import shlex
from collections.abc import Sequence
from typing import Literal

from shared.runbook.template import Text, cut, literal

Interpreter = Literal["python3", "bash", "sh"]


def template_of(interpreter: Interpreter, arguments: Sequence[str], source: str) -> str:
    """The template of a script whose arguments are templates."""
    header = " ".join((interpreter, *map(_word, arguments)))
    return f"{header}\n{literal(source)}"


def _word(argument: str) -> str:
    """One word of the header, in which placeholders stand where the argument has them."""
    parts = cut(argument).parts
    if not parts:
        return "''"
    return "".join(
        literal(shlex.quote(part.text))
        if isinstance(part, Text)
        else "{{ " + " ".join(part.expression.splitlines()) + " }}"
        for part in parts
    )
