"""What somebody may have meant who wrote a field that does not exist."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel


def did_you_mean(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    """The field that is there and looks like the last part of ``path``, or all that are there."""
    schema = model.model_json_schema(by_alias=True)
    node: Any = schema
    for part in path[:-1]:
        node = _child(_resolved(schema, node), part)
    fields = sorted(_resolved(schema, node).get("properties", {}))
    near = get_close_matches(str(path[-1]), fields, n=1)
    if near:
        return f": did you mean {near[0]}?"
    return f": there are {', '.join(fields)}" if fields else ""


def _resolved(schema: Any, node: Any) -> Any:
    """The node itself, behind references and "or nothing"."""
    while isinstance(node, Mapping):
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        elif "anyOf" in node:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
        else:
            return node
    return {}


def _child(node: Any, part: str | int) -> Any:
    if "discriminator" in node:
        reference = node["discriminator"]["mapping"].get(part)
        return {"$ref": reference} if reference else {}
    if isinstance(part, int):
        return node.get("items", {})
    return node.get("properties", {}).get(part) or node.get("additionalProperties", {})
