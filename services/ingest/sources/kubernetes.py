"""Kubernetes events, as an event exporter posts them one by one.

The formats are documented at
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ (events.k8s.io/v1;
core/v1 names some fields otherwise), posted as they are, within a watch's {"type", "object"}, or
with the labels of the object as by https://github.com/resmoio/kubernetes-event-exporter.

Warning fires, and so do the few Normal events by which the kubelet tells that a node is in
trouble; other Normal events give no alert. Kubernetes tells the end of few problems: those of
``_ENDS``, each for the same object. For all others there is no resolved notification, and their
tickets end by what Handrail finds out itself.
"""

import re
from typing import Annotated, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.ingest.normal import normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime, Text, present
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# Kind and reason of what ends a problem, and the problem's reason. Only those that cannot be about
# anything else: "Started", for one, is also told between two crashes.
_ENDS: Final = {
    ("Node", "NodeReady"): "NodeNotReady",
    ("Node", "NodeHasNoDiskPressure"): "NodeHasDiskPressure",
    ("Node", "NodeHasSufficientMemory"): "NodeHasInsufficientMemory",
    ("Node", "NodeHasSufficientPID"): "NodeHasInsufficientPID",
    ("Pod", "Scheduled"): "FailedScheduling",
    ("PersistentVolumeClaim", "ProvisioningSucceeded"): "ProvisioningFailed",
    ("PersistentVolumeClaim", "VolumeResizeSuccessful"): "VolumeResizeFailed",
    ("Service", "EnsuredLoadBalancer"): "SyncLoadBalancerFailed",
}
# Told as Normal, though the node takes no more work.
_NODE_TROUBLE: Final = frozenset(reason for (kind, _), reason in _ENDS.items() if kind == "Node")
_WORSE: Final = frozenset({"NodeNotReady", "SystemOOM", "OOMKilling", "Evicted"})
_CONTAINER: Final = re.compile(r"\{([^{}]+)\}$")
_SERVICE_LABELS: Final = ("app.kubernetes.io/name", "k8s-app", "app")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _either(core: str, events: str) -> AliasChoices:
    """The field's names in core/v1 and in events.k8s.io/v1."""
    return AliasChoices(core, events)


def _or_empty(value: object) -> object:
    return {} if value is None else value


class _Object(_Model):
    kind: str = Field(min_length=1)
    name: str = Field(min_length=1)
    namespace: Text = ""
    field_path: Text = Field("", alias="fieldPath")
    labels: Annotated[dict[str, Text], BeforeValidator(_or_empty)] = {}


class _Source(_Model):
    component: Text = ""
    host: Text = ""


class _Event(_Model):
    type: Text = ""
    reason: str = Field(min_length=1)
    about: _Object = Field(validation_alias=_either("involvedObject", "regarding"))
    message: Text = Field("", validation_alias=_either("message", "note"))
    source: Annotated[_Source, BeforeValidator(_or_empty)] = Field(
        _Source(), validation_alias=_either("source", "deprecatedSource")
    )
    reporter: Text = Field(
        "", validation_alias=_either("reportingComponent", "reportingController")
    )
    first: LooseTime = Field(
        None, validation_alias=_either("firstTimestamp", "deprecatedFirstTimestamp")
    )
    last: LooseTime = Field(
        None, validation_alias=_either("lastTimestamp", "deprecatedLastTimestamp")
    )
    at: LooseTime = Field(None, alias="eventTime")
    cluster: Text = Field("", alias="clusterName")


class _Posted(_Model):
    event: _Event | None

    @model_validator(mode="before")
    @classmethod
    def _from_watch(cls, value: object) -> object:
        """The event out of a watch's envelope, if it is in one."""
        if not isinstance(value, dict) or "object" not in value:
            return {"event": value}
        # What is deleted is the event, after its hour: that tells nothing of the problem.
        return {"event": None if value.get("type") == "DELETED" else value["object"]}


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of one event, if it is about a problem.

    Raises:
        ValidationError: the body is no event.
    """
    event = _Posted.model_validate_json(webhook.body).event
    if event is None:
        return ()
    ended = _ENDS.get((event.about.kind, event.reason))
    if ended is not None and event.type != "Warning":
        return (_alert(webhook.source, AlertStatus.RESOLVED, ended, event),)
    if event.type == "Warning" or (event.about.kind == "Node" and event.reason in _NODE_TROUBLE):
        return (_alert(webhook.source, AlertStatus.FIRING, event.reason, event),)
    return ()


def _alert(source: str, status: AlertStatus, problem: str, event: _Event) -> Alert:
    about = event.about
    container = _CONTAINER.search(about.field_path)
    where = "/".join(part for part in (about.namespace, about.name) if part)
    identity = {
        "cluster": event.cluster,
        "kind": about.kind,
        "namespace": about.namespace,
        "object": about.name,
        "container": container[1] if container else "",
    }
    return normalised(
        source,
        name=problem,
        status=status,
        identity={**identity, "reason": problem},
        variant="",
        title=f"{event.reason}: {about.kind} {where}",
        description=event.message,
        severity=Severity.P2 if problem in _WORSE else Severity.P3,
        resource=f"{about.kind.lower()}/{where}",
        labels=present(
            {
                **identity,
                about.kind.lower(): about.name,
                "instance": about.name,
                "reason": problem,
                "service": _service(about.labels),
            }
        ),
        annotations=present(
            {
                "component": event.source.component or event.reporter,
                "host": event.source.host,
                **{f"label {name}": text for name, text in about.labels.items()},
            }
        ),
        starts_at=(event.first or event.at) if status is AlertStatus.FIRING else None,
        ends_at=event.last or event.at,
    )


def _service(labels: dict[str, str]) -> str:
    return next((labels[name] for name in _SERVICE_LABELS if name in labels), "")
