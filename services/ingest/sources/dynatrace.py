"""Dynatrace's problem notification through its custom webhook integration.

The placeholders are documented at https://docs.dynatrace.com/docs/analyze-explore-automate/
notifications-and-alerting/problem-notifications/webhook-integration. The payload to set there, of
which only PID and State have to be there:

    {"PID": "{PID}", "ProblemID": "{ProblemID}", "State": "{State}",
     "ProblemTitle": "{ProblemTitle}", "ProblemSeverity": "{ProblemSeverity}",
     "ProblemImpact": "{ProblemImpact}", "ProblemURL": "{ProblemURL}",
     "ProblemDetailsText": "{ProblemDetailsText}", "ImpactedEntity": "{ImpactedEntity}",
     "ImpactedEntities": {ImpactedEntities}, "Tags": "{Tags}",
     "ProblemDetailsJSON": {ProblemDetailsJSON}}
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from services.ingest.normal import Time, normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# A problem that was merged goes on as a part of another one, which is told of by itself.
_STATUS: Final = {"OPEN": AlertStatus.FIRING, "RESOLVED": AlertStatus.RESOLVED}
# Custom alerts do not say how bad they are.
_SEVERITIES: Final = {
    "AVAILABILITY": Severity.P1,
    "MONITORING_UNAVAILABLE": Severity.P2,
    "ERROR": Severity.P2,
    "PERFORMANCE": Severity.P3,
    "SLOWDOWN": Severity.P3,
    "RESOURCE_CONTENTION": Severity.P3,
    "RESOURCE": Severity.P3,
    "INFO": Severity.P4,
}
# A context, such as of a cloud, may stand before a tag, in brackets.
_TAG: Final = re.compile(r"\A\s*(?:\[[^\]]*\])?([^:]+):(.+)\Z")
_TAGS_MOST: Final = 200
# What ends when is -1 while the problem is open.
_OPEN: Final = -1


def _no_open_end(value: object) -> object:
    return None if value == _OPEN else value


_Stamp = Annotated[Time, BeforeValidator(_no_open_end)]


class _Entity(Wire):
    type: Text = ""
    name: Text = ""
    entity: Text = ""


class _Details(Wire):
    starts_at: _Stamp = Field(None, alias="startTime")
    ends_at: _Stamp = Field(None, alias="endTime")


class _Problem(Wire):
    pid: str = Field(alias="PID", min_length=1)
    state: str = Field(alias="State")
    problem_id: Text = Field("", alias="ProblemID")
    title: Text = Field("", alias="ProblemTitle")
    severity: Text = Field("", alias="ProblemSeverity")
    impact: Text = Field("", alias="ProblemImpact")
    url: Text = Field("", alias="ProblemURL")
    text: Text = Field("", alias="ProblemDetailsText")
    impacted: Text = Field("", alias="ImpactedEntity")
    entities: tuple[_Entity, ...] = Field((), alias="ImpactedEntities")
    tags: Text = Field("", alias="Tags")
    details: _Details | None = Field(None, alias="ProblemDetailsJSON")


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The problem that was opened or resolved; none for one that was merged into another.

    Its title and its entities may change while it lasts: it is known by its PID alone.

    Raises:
        ValidationError: the body is not of the payload above.
    """
    problem = _Problem.model_validate_json(webhook.body)
    status = _STATUS.get(problem.state.upper())
    if status is None:
        return ()
    details = problem.details or _Details()
    return (
        normalised(
            webhook.source,
            name=problem.title,
            status=status,
            identity={"pid": problem.pid},
            variant="",
            title=problem.title,
            description=problem.text,
            severity=_SEVERITIES.get(problem.severity.upper()),
            resource=_names(problem.entities) or problem.impacted,
            labels=_labels(problem),
            links={"dynatrace": problem.url},
            starts_at=details.starts_at,
            ends_at=details.ends_at,
        ),
    )


def _names(entities: Iterable[_Entity]) -> str:
    return ", ".join(filter(None, (entity.name for entity in entities)))


def _labels(problem: _Problem) -> dict[str, str]:
    """Tags under their keys, the first entity of each type under it (``host``, ``service``)."""
    said = {
        "pid": problem.pid,
        "problem_id": problem.problem_id,
        "problem_severity": problem.severity,
        "problem_impact": problem.impact,
        "tags": problem.tags,
    }
    entities = {entity.type: entity.name for entity in reversed(problem.entities)}
    ids = {f"{entity.type}_entity": entity.entity for entity in reversed(problem.entities)}
    return _tags(problem.tags) | labelled(entities) | labelled(ids) | labelled(said)


def _tags(tags: str) -> dict[str, str]:
    found = (_TAG.match(tag) for tag in tags.split(",")[:_TAGS_MOST])
    return labelled({match[1]: match[2].strip() for match in found if match})
