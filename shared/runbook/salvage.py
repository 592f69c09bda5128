"""A runbook with mistakes in its shape, mended so far that the rest of it can be looked at.

Only mistakes come of it: what is mended here never runs.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from shared.runbook.model import RunbookFile

#: Mending one thing may show another; with more rounds than this nothing is to be learnt.
_ROUNDS: Final = 6
#: What stands in for what has to be there, by the name of the field.
_STAND_INS: Final[dict[str, Any]] = {
    "apiVersion": "handrail/v1",
    "kind": "Runbook",
    "metadata": {"name": "x", "title": "x"},
    "name": "x",
    "title": "x",
    "description": "x",
    "match": {},
    "steps": [{"id": "x", "uses": "local", "target": "x", "run": "true"}],
    "verify": [{"uses": "local", "target": "x", "run": "true"}],
    "uses": "local",
    "target": "x",
    "run": "true",
    "action": "x",
    "interpreter": "sh",
    "source": "x",
    "url": "http://x/",
    "query": "x",
    "runbook": "x",
    "items": [],
}
#: What mistakes between fields come from; without them a part is plain.
_BETWEEN: Final = ("check", "effect", "gather", "join", "default", "required", "min", "max", "hold")

Path = tuple[str | int, ...]


def salvaged(data: Any) -> RunbookFile | None:
    """What can still be read of the file's data; None where too little can."""
    copy = _plain(data)
    for _ in range(_ROUNDS):
        try:
            return RunbookFile.model_validate(copy)
        except ValidationError as error:
            for detail in error.errors():
                _mend(copy, detail["loc"], missing=detail["type"] == "missing")
    return None


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(item) for item in data] if isinstance(data, list) else data


def _mend(copy: Any, path: Path, *, missing: bool) -> None:
    """Take away what is wrong, or put something plain in its place."""
    node, key, parent = copy, None, copy
    for index, part in enumerate(path):
        ends = index == len(path) - 1
        if _has(node, part) and (ends or isinstance(node[part], dict | list)):
            parent, key, node = node, part, node[part]
    last = path[-1] if path else None
    if missing and isinstance(node, dict):
        _fill(node, last)
    elif key is not None and key == last and key != "id":
        _replace(parent, key)
    elif isinstance(node, dict):
        _loosen(node)


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)


def _fill(node: dict[str, Any], name: Any) -> None:
    if name in _STAND_INS:
        node[name] = _plain(_STAND_INS[name])


def _replace(parent: Any, key: Any) -> None:
    whole = isinstance(parent[key], dict) and parent[key] and key not in _STAND_INS
    if isinstance(parent, list):
        if isinstance(parent[key], dict):
            _loosen(parent[key])
        else:
            parent[key] = "x"
    elif whole:
        _loosen(parent[key])
    else:
        del parent[key]


def _loosen(part: dict[str, Any]) -> None:
    """Make a part plain whose fields do not go together."""
    for name in _BETWEEN:
        part.pop(name, None)
    if "run" not in part and "uses" not in part:
        part.setdefault("from", "name")
