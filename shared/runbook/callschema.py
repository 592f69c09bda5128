"""The actions and arguments of calls in the JSON Schema of runbooks, so that editors complete them.

Values are left open there: a template may stand for any of them. Lint looks at those.
"""

from typing import Any

from shared.calls.call import Call, arguments
from shared.calls.families import FAMILIES


def completed(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition of a step that is a call, with what each action takes."""
    uses = definition["properties"]["uses"]["enum"]
    return {**definition, "allOf": [rule for name in uses for rule in _family(name)]}


def _family(uses: str) -> list[dict[str, Any]]:
    actions = FAMILIES.get(uses, ())
    named = {"action": {"enum": [model.action for model in actions]}}
    return [_when({"uses": uses}, named), *(_action(uses, model) for model in actions)]


def _action(uses: str, model: type[Call]) -> dict[str, Any]:
    given = {
        "type": "object",
        "description": _first_line(model),
        "properties": {
            name: {"description": field.description} if field.description else {}
            for name, field in arguments(model).items()
        },
        "required": [name for name, field in arguments(model).items() if field.is_required()],
        "additionalProperties": False,
    }
    needed = {"required": ["with"]} if given["required"] else {}
    return _when({"uses": uses, "action": model.action}, {"with": given}, **needed)


def _when(said: dict[str, str], then: dict[str, Any], **more: Any) -> dict[str, Any]:
    met = {name: {"const": value} for name, value in said.items()}
    return {
        "if": {"properties": met, "required": list(said)},
        "then": {"properties": then, **more},
    }


def _first_line(model: type[Call]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]
