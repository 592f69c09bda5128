"""The JSON Schema of runbooks, made from the model: editors complete and check by it.

``python -m shared.runbook.schema --write docs/runbook.schema.json`` writes it anew; ``--check``
ends with 1 when the file is stale.
"""

import argparse
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from shared.durations import spoken
from shared.runbook.callschema import completed
from shared.runbook.model import RunbookFile
from shared.runbook.steps import CallStep, PlaceStep

_SPAN: Final = TypeAdapter(timedelta)
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def document() -> dict[str, Any]:
    """The whole schema."""
    schema = _written(RunbookFile.model_json_schema(by_alias=True))
    for step in (CallStep, PlaceStep):
        schema["$defs"][step.__name__] = completed(schema["$defs"][step.__name__])
    return {
        "$schema": DIALECT,
        **schema,
        "title": "Handrail runbook",
        "description": "When it applies, parameters, steps, rollback, verification.",
    }


def _written(node: Any) -> Any:
    """With durations as people write them, and without titles that only repeat a name."""
    if isinstance(node, list):
        return [_written(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _written(value) for key, value in node.items() if not _repeats(key, value)}
    default = node.get("default")
    if isinstance(default, str) and default.startswith("PT"):
        made["default"] = spoken(_SPAN.validate_python(default))
    return made


def _repeats(key: str, value: Any) -> bool:
    return key == "title" and isinstance(value, str)


def text() -> str:
    """The schema as it stands in the file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or say whether it is stale."""
    parser = argparse.ArgumentParser(description="The JSON Schema of runbooks.")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", type=Path, metavar="FILE")
    group.add_argument("--check", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        chosen.write.write_text(text(), encoding="utf-8")
        return 0
    stale = chosen.check.read_text(encoding="utf-8") != text()
    if stale:
        sys.stderr.write(f"{chosen.check} is stale: write it anew with --write\n")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
