"""The AsyncAPI document of the bus, made from the catalog of events.

It is for those who write a subscriber, so it says what is on the wire: the CloudEvents attributes
as headers, the data as the payload. See https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from shared.events import CATALOG, Event
from shared.events.envelope import SPEC_VERSION, TYPE_PREFIX

ASYNCAPI: Final = "3.0.0"
_SCHEMAS: Final = "#/components/schemas/"
#: What travels in headers instead of the body.
_IN_HEADERS: Final = ("id", "time")


def document() -> dict[str, Any]:
    """The whole document, in the order of the catalog."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Handrail",
            "version": version("handrail"),
            "description": (
                "Every event is a CloudEvent in NATS binary mode, kept by JetStream, delivered at "
                "least once. Fields may be added: ignore those that you do not know. A breaking "
                "change is a new subject that ends in `.v2`."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {event.subject: _channel(event) for event in CATALOG},
        "operations": {event.__name__: _operation(event) for event in CATALOG},
        "components": {
            "messages": {event.__name__: _message(event) for event in CATALOG},
            "schemas": _schemas(),
        },
    }


def text() -> str:
    """The document as it stands in the file."""
    return json.dumps(document(), indent=2) + "\n"


def _channel(event: type[Event]) -> dict[str, Any]:
    name = event.__name__
    return {
        "address": event.subject,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _operation(event: type[Event]) -> dict[str, Any]:
    channel = f"#/channels/{event.subject}"
    return {
        "action": "send",
        "summary": _summary(event),
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{event.__name__}"}],
    }


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.__name__,
        "title": event.subject,
        "summary": _summary(event),
        "contentType": "application/json",
        "headers": _headers(event),
        "payload": {"$ref": _SCHEMAS + event.__name__},
    }


def _headers(event: type[Event]) -> dict[str, Any]:
    """The CloudEvents attributes, and the W3C trace that the event belongs to."""
    properties = {
        "ce-specversion": {"const": SPEC_VERSION},
        "ce-id": {
            "format": "uuid",
            "description": "The same however often the event is sent: by this, know a duplicate.",
        },
        "ce-type": {"const": TYPE_PREFIX + event.subject},
        "ce-source": {
            "format": "uri-reference",
            "description": "The service that says it, such as `/handrail/triage`.",
        },
        "ce-subject": {"format": "uuid", "description": "The ticket."},
        "ce-time": {"format": "date-time", "description": "When it happened."},
        "content-type": {"const": "application/json"},
        "traceparent": {"description": "W3C trace context."},
    }
    return {
        "type": "object",
        "required": [name for name in properties if name != "traceparent"],
        "properties": {name: {"type": "string", **rest} for name, rest in properties.items()},
    }


def _schemas() -> dict[str, Any]:
    """JSON schemas of all bodies, and of what they are made of."""
    _, made = models_json_schema(
        [(event, "serialization") for event in CATALOG],
        ref_template=_SCHEMAS + "{model}",
        schema_generator=_Plain,
    )
    schemas: dict[str, Any] = made["$defs"]
    for event in CATALOG:
        schema = schemas[event.__name__]
        for name in _IN_HEADERS:
            del schema["properties"][name]
        schema["required"] = [name for name in schema["required"] if name not in _IN_HEADERS]
    return schemas


class _Plain(GenerateJsonSchema):
    """Without a title for each field, which only says its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 pydantic's signature
        return False


def _summary(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().splitlines()[0]


def main(arguments: list[str] | None = None) -> int:
    """Print the document, write it, or say whether a file still is it; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m shared.events.asyncapi", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="FILE", help="fail when FILE is stale")
    choice.add_argument("--write", type=Path, metavar="FILE", help="bring FILE up to date")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        chosen.write.parent.mkdir(parents=True, exist_ok=True)
        chosen.write.write_text(text(), encoding="utf-8")
    elif chosen.check:
        return _check(chosen.check)
    else:
        sys.stdout.write(text())
    return 0


def _check(path: Path) -> int:
    if path.is_file() and path.read_text(encoding="utf-8") == text():
        return 0
    sys.stderr.write(
        f"{path} is not what the events say: run python -m shared.events.asyncapi --write {path}\n"
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
