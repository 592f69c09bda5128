"""What variables come to right now, defaults included, as Terraform's own console says it."""

import json
import shlex
from base64 import b64decode
from collections.abc import Sequence
from typing import Any, Final

from shared.connectors.protocol import Ended
from shared.errors import PermanentError

_HIDDEN: Final = "(sensitive"


class VariableRefusedError(PermanentError):
    """A variable is not declared, or what it is now is not told. Nothing was done."""


def question(names: Sequence[str], console: str) -> str:
    """A command that asks the console; the values travel as base64, whatever is in them."""
    # The console answers the last line only.
    values = ", ".join(f'"{name}" = var.{name}' for name in names)
    asked = f"base64encode(jsonencode({{{values}}}))"
    return f"printf '%s\\n' {shlex.quote(asked)} | {console}"


def answered(names: Sequence[str], said: Ended) -> dict[str, Any]:
    """The values by name.

    Raises:
        VariableRefusedError: see there.
    """
    try:
        found: dict[str, Any] = json.loads(b64decode(said.stdout.strip().strip('"'), validate=True))
    except ValueError:
        raise VariableRefusedError(_why(names, said)) from None
    return found


def _why(names: Sequence[str], said: Ended) -> str:
    if "undeclared" in said.stderr:
        wrong = [name for name in names if f'"{name}"' in said.stderr] or names
        return f"the configuration declares no variable {', '.join(wrong)}: set what it declares"
    if said.stdout.startswith(_HIDDEN):
        return (
            f"{', '.join(names)}: one of these is sensitive: what it was could not be kept to go"
            " back to, so it is not set here"
        )
    told = said.stderr.strip() or said.stdout.strip()
    return f"what {', '.join(names)} is now cannot be told: {told}"
