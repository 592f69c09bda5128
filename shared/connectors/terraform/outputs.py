"""Outputs of a configuration as JSON, less what is sensitive."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from shared.connectors.protocol import Ended

HIDDEN: Final = "(sensitive)"


def shown(said: Ended, names: Sequence[str]) -> Ended:
    """What ``terraform output -json`` said, as an object of values; fails where one is missing."""
    if said.exit_code:
        return replace(said, stdout="")
    found: dict[str, Any] = json.loads(said.stdout)
    missing = [name for name in names if name not in found]
    if missing:
        there = ", ".join(found) or "none"
        return Ended(1, "", f"no output {', '.join(missing)}; there are: {there}\n")
    values = {
        name: HIDDEN if found[name].get("sensitive") else found[name]["value"]
        for name in names or found
    }
    return replace(said, stdout=json.dumps(values, indent=2, ensure_ascii=False) + "\n")
