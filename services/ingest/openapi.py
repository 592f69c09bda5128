"""The webhooks in the OpenAPI document: FastAPI says nothing of their plain route."""

from copy import deepcopy
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from services.ingest.manual.ticket import Refused
from services.ingest.signature import STYLES
from services.ingest.ticket import Decision

_REF: Final = "#/components/schemas/{model}"
_JSON: Final = "application/json"


class AboutTicket(BaseModel):
    """A ticket that a notification is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID
    opened: Annotated[bool, Field(description="False where it was there already.")]
    decision: Annotated[Decision, Field(description="What became of the alerts on its problem.")]


class TakenIn(BaseModel):
    """What became of a notification; alerts that no ticket is about are in the history alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: Annotated[int, Field(ge=0, description="Alerts in it, all of which are kept.")]
    tickets: tuple[AboutTicket, ...]


class NotUnderstood(Refused):
    """Why a notification was not understood; it was kept."""

    quarantine: Annotated[UUID, Field(description="For `handrail quarantine show` and `replay`.")]


class Limit(BaseModel):
    """What a source may send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alerts: int
    per_seconds: float
    burst: int


class OverItsLimit(Refused):
    """A source sent more than handrail.yaml lets it."""

    limit: Limit


_MODELS: Final[tuple[type[BaseModel], ...]] = (TakenIn, Refused, NotUnderstood, OverItsLimit)
_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Send it again after so many seconds.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_CHALLENGE: Final = {
    "WWW-Authenticate": {
        "description": "What is asked for, where HTTP has a name for it.",
        "schema": {"type": "string"},
    }
}
_ANSWERS: Final[tuple[tuple[int, str, type[BaseModel], dict[str, Any]], ...]] = (
    (202, "The tickets are on disk, and the stream has their events.", TakenIn, {}),
    (400, "The body is not what its content type says. It was kept.", NotUnderstood, {}),
    (401, "The secret or the signature is missing or wrong.", Refused, _CHALLENGE),
    (403, "The address is not one of those that may.", Refused, {}),
    (404, "No source of this name is in handrail.yaml.", Refused, {}),
    (408, "The body did not come in time.", Refused, {}),
    (413, "The body is too large: send fewer alerts at once.", Refused, {}),
    (422, "This is no notification of this kind of source. It was kept.", NotUnderstood, {}),
    (429, "The source is over its limit.", OverItsLimit, _RETRY_AFTER),
    (503, "Not accepted: send it again.", Refused, _RETRY_AFTER),
)
_BODY: Final = {
    "required": True,
    "description": "As the product behind the source writes it; each has its own format.",
    "content": {
        _JSON: {"schema": {}},
        "application/cloudevents+json": {"schema": {"type": "object"}},
        "application/cloudevents-batch+json": {"schema": {"type": "array"}},
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "properties": {"payload": {"type": "string", "description": "A JSON document."}},
            }
        },
        # Amazon SNS sends its JSON so.
        "text/plain": {"schema": {"type": "string"}},
    },
}
_NAME: Final = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The name of a source in handrail.yaml.",
    "schema": {"type": "string", "minLength": 1},
}


def describe_webhooks(api: FastAPI) -> None:
    """Put ``POST /webhooks/{name}`` into the document of what is routed so far."""
    document = deepcopy(api.openapi())
    _, schemas = models_json_schema(
        [(model, "serialization") for model in _MODELS], ref_template=_REF
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas["$defs"])
    components.setdefault("securitySchemes", {}).update(_security_schemes())
    document["paths"]["/webhooks/{name}"] = {"post": _operation()}
    api.openapi_schema = document


def _operation() -> dict[str, Any]:
    return {
        "tags": ["webhooks"],
        "summary": "Take a notification in",
        "description": (
            "Answers when its tickets are on disk and the stream has their events. "
            "The source in handrail.yaml says how its sender shows who it is."
        ),
        "operationId": "take_webhook",
        "parameters": [_NAME],
        "requestBody": _BODY,
        "responses": {
            str(status): _response(description, model, headers)
            for status, description, model, headers in _ANSWERS
        },
        # Any one of them, by the source; Amazon signs inside the body.
        "security": [*({name: []} for name in _security_schemes()), {}],
    }


def _response(description: str, model: type[BaseModel], headers: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    response: dict[str, Any] = {"description": description, "content": {_JSON: {"schema": schema}}}
    return {**response, "headers": headers} if headers else response


def _security_schemes() -> dict[str, dict[str, str]]:
    signed = {
        f"Signature{style.value.title()}": {
            "type": "apiKey",
            "in": "header",
            "name": scheme.header,
            "description": f"HMAC over the body, as {style.value.title()} makes it.",
        }
        for style, scheme in STYLES.items()
    }
    bearer = {"type": "http", "scheme": "bearer", "description": "For sources with `bearer`."}
    basic = {"type": "http", "scheme": "basic", "description": "For sources with `basic`."}
    return {"SourceBearer": bearer, "SourceBasic": basic, **signed}
