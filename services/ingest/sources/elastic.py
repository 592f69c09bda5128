"""Elastic's alerts: Kibana's rules through its webhook connector, and Elasticsearch's Watcher.

Both send what their user writes. The variables are documented at
https://www.elastic.co/guide/en/kibana/current/rule-action-variables.html; this is the body to set,
the same for an action of the rule's own groups and for one of "Recovered", each "For each alert":

    {"rule": {"id": "{{rule.id}}", "name": "{{rule.name}}", "space": "{{rule.spaceId}}",
              "tags": "{{rule.tags}}", "url": "{{{rule.url}}}"},
     "alert": {"id": "{{alert.id}}", "group": "{{alert.actionGroup}}"},
     "date": "{{date}}", "severity": "critical", "message": "{{context.reason}}",
     "labels": {"host": "{{context.host.name}}"},
     "links": {"details": "{{{context.alertDetailsUrl}}}"}}

``severity``, ``message``, ``labels`` and ``links`` are the user's own, and may be left out: what
a context has depends on the type of the rule. A watch's webhook action (documented at
https://www.elastic.co/guide/en/elasticsearch/reference/current/actions-webhook.html) sends

    {"watch_id": "{{ctx.watch_id}}", "date": "{{ctx.execution_time}}", "severity": "warning",
     "message": "{{ctx.payload.hits.total}} errors", "labels": {"service": "shop"}}

and only fires: a watch never tells that its condition does not hold any more.
"""

from typing import Final

from pydantic import Field

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Wire, labelled
from shared.events import Alert, AlertStatus

_RECOVERED: Final = "recovered"
_RESOURCE: Final = ("instance", "host", "service", "pod", "container", "index")


class _Rule(Wire):
    id: str = Field(min_length=1)
    name: Text = ""
    space: Text = ""
    tags: Text = ""
    url: Text = ""


class _Instance(Wire):
    """One of the alerts of a rule: its id is what the rule groups by, such as a host's name."""

    id: str = Field(min_length=1)
    group: str = Field(min_length=1)


class _Said(Wire):
    date: Time = None
    severity: Text = ""
    message: Text = ""
    labels: dict[str, Text] = Field(default_factory=dict)
    links: dict[str, Text] = Field(default_factory=dict)


class _Kibana(_Said):
    rule: _Rule
    alert: _Instance


class _Watch(_Said):
    watch_id: str = Field(min_length=1)


class _Shape(Wire):
    """Enough of a body to tell which of the two it is."""

    watch_id: Text = ""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of a rule that is active or recovered, or a watch whose condition was met.

    Raises:
        ValidationError: the body is of neither shape above.
    """
    if _Shape.model_validate_json(webhook.body).watch_id:
        return (_watch(webhook.source, _Watch.model_validate_json(webhook.body)),)
    return (_rule(webhook.source, _Kibana.model_validate_json(webhook.body)),)


def _rule(source: str, said: _Kibana) -> Alert:
    rule, instance = said.rule, said.alert
    over = instance.group.lower() == _RECOVERED
    about = {
        "rule_id": rule.id,
        "alert_id": instance.id,
        "space": rule.space,
        "rule_tags": rule.tags,
    }
    return normalised(
        source,
        name=rule.name or rule.id,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        identity={"space": rule.space, "rule_id": rule.id, "alert_id": instance.id},
        variant="",
        title=f"{rule.name or rule.id}: {instance.id}",
        description=said.message,
        severity=severity_of(said.severity),
        resource=_resource(said) or instance.id,
        labels=labelled(said.labels) | labelled(about),
        links={**said.links, "rule": rule.url},
        starts_at=None if over else said.date,
        ends_at=said.date,
    )


def _watch(source: str, said: _Watch) -> Alert:
    """Its labels are the user's own: they tell its instances from each other."""
    return normalised(
        source,
        name=said.watch_id,
        status=AlertStatus.FIRING,
        identity={**said.labels, "watch_id": said.watch_id},
        variant="",
        description=said.message,
        severity=severity_of(said.severity),
        resource=_resource(said),
        labels=labelled(said.labels) | {"watch_id": said.watch_id},
        links=said.links,
        starts_at=said.date,
    )


def _resource(said: _Said) -> str:
    return next((said.labels[name] for name in _RESOURCE if said.labels.get(name)), "")
