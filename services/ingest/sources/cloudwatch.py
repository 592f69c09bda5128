"""Alarms of AWS CloudWatch: through an SNS topic, or as EventBridge events.

The SNS envelope: https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
The alarm in it: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
EventBridge: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html

Either form of alarm may be SNS's ``Message``, or the body itself (raw message delivery, an API
destination). SubscriptionConfirmation and UnsubscribeConfirmation give no alert, nor does
INSUFFICIENT_DATA, which every new alarm begins with, nor do EventBridge's other events. An alarm is
one problem, by its ARN, or by its account, region and name in the old form that has none.
"""

import re
from typing import Annotated, Final, Literal
from urllib.parse import quote

from pydantic import ConfigDict, Discriminator, Field, RootModel, Tag

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Named, Nullable, Text, Wire, labelled
from shared.events import Alert, AlertStatus

_STATES: Final = {"ALARM": AlertStatus.FIRING, "OK": AlertStatus.RESOLVED}
_HEADER: Final = "x-amz-sns-message-type"
_RAW: Final = "x-amz-sns-rawdelivery"
_CHANGE: Final = "CloudWatch Alarm State Change"
_ARN: Final = re.compile(r"arn:(?P<partition>[\w-]+):cloudwatch:(?P<region>[\w-]+):(\d*):alarm:.+")
# What runbooks call the dimensions of AWS' own services.
_ALSO: Final = {"instance_id": "instance", "service_name": "service", "host": "instance"}

_State = Literal["ALARM", "OK", "INSUFFICIENT_DATA"]


class _Envelope(Wire):
    kind: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"] = Field(
        alias="Type"
    )
    message: str = Field(alias="Message")


class _Named(Wire):
    """Also made from an event, by the names of its fields."""

    model_config = ConfigDict(populate_by_name=True)


class _Dimension(_Named):
    name: str
    value: Text = ""


class _Metric(_Named):
    name: Text = Field("", alias="MetricName")
    namespace: Text = Field("", alias="Namespace")
    dimensions: Annotated[tuple[_Dimension, ...], Nullable] = Field((), alias="Dimensions")


class _Stat(Wire):
    metric: _Metric = Field(_Metric(), alias="Metric")


class _Query(Wire):
    stat: _Stat | None = Field(None, alias="MetricStat")


class _Trigger(_Metric):
    metrics: Annotated[tuple[_Query, ...], Nullable] = Field((), alias="Metrics")


class _Alarm(_Named):
    """An alarm as CloudWatch sends it to SNS; a composite one has a rule in place of a trigger."""

    name: str = Field(alias="AlarmName", min_length=1)
    description: Text = Field("", alias="AlarmDescription")
    arn: Text = Field("", alias="AlarmArn")
    account: Text = Field("", alias="AWSAccountId")
    region: Text = Field("", alias="Region")
    state: _State = Field(alias="NewStateValue")
    reason: Text = Field("", alias="NewStateReason")
    at: Time = Field(None, alias="StateChangeTime")
    rule: Text = Field("", alias="AlarmRule")
    trigger: _Trigger | None = Field(None, alias="Trigger")
    tags: dict[str, str] = Field({})


class _EventMetric(Wire):
    name: Text = ""
    namespace: Text = ""
    dimensions: Named = Field({})


class _EventStat(Wire):
    metric: _EventMetric = _EventMetric()


class _EventQuery(Wire):
    stat: _EventStat | None = Field(None, alias="metricStat")


class _Configuration(Wire):
    description: Text = ""
    rule: Text = Field("", alias="alarmRule")
    metrics: Annotated[tuple[_EventQuery, ...], Nullable] = ()


class _Now(Wire):
    value: _State
    reason: Text = ""
    timestamp: Time = None


class _Detail(Wire):
    name: str = Field(alias="alarmName", min_length=1)
    state: _Now
    configuration: _Configuration = _Configuration()
    tags: Named = Field({}, alias="alarmTags")


class _Event(Wire):
    account: Text = ""
    region: Text = ""
    resources: Annotated[tuple[str, ...], Nullable] = ()
    detail: _Detail


class _OtherEvent(Wire):
    source: Literal["aws.cloudwatch"]
    kind: str = Field(alias="detail-type")


def _kind(body: object) -> str:
    kind = body.get("detail-type") if isinstance(body, dict) else None
    return "alarm" if kind is None else "event" if kind == _CHANGE else "other"


class _Said(
    RootModel[
        Annotated[
            Annotated[_Alarm, Tag("alarm")]
            | Annotated[_Event, Tag("event")]
            | Annotated[_OtherEvent, Tag("other")],
            Discriminator(_kind),
        ]
    ]
):
    """One of the kinds of body that a subscription may post."""


class _Shape(Wire):
    """As much of a body as says whether it is SNS's envelope."""

    kind: object = Field(None, alias="Type")


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The one alert of a state change.

    Raises:
        ValidationError: it is no message of SNS, or there is no alarm in it.
    """
    body: bytes | str = webhook.body
    if _is_enveloped(webhook):
        envelope = _Envelope.model_validate_json(body)
        if envelope.kind != "Notification":
            return ()
        body = envelope.message
    said = _Said.model_validate_json(body).root
    if isinstance(said, _OtherEvent):
        return ()
    alarm = _alarm(said) if isinstance(said, _Event) else said
    status = _STATES.get(alarm.state)
    return (_alert(webhook.source, alarm, status),) if status else ()


def _is_enveloped(webhook: Webhook) -> bool:
    if webhook.headers.get(_RAW, "").lower() == "true":
        return False
    return _HEADER in webhook.headers or _Shape.model_validate_json(webhook.body).kind is not None


def _alarm(event: _Event) -> _Alarm:
    """The event in the words of the other form."""
    detail = event.detail
    metrics = [query.stat.metric for query in detail.configuration.metrics if query.stat]
    dimensions = {key: value for one in reversed(metrics) for key, value in one.dimensions.items()}
    first = metrics[0] if metrics else _EventMetric()
    return _Alarm(
        name=detail.name,
        description=detail.configuration.description,
        arn=event.resources[0] if event.resources else "",
        account=event.account,
        region=event.region,
        state=detail.state.value,
        reason=detail.state.reason,
        at=detail.state.timestamp,
        rule=detail.configuration.rule,
        trigger=_Trigger(
            name=first.name,
            namespace=first.namespace,
            dimensions=tuple(_Dimension(name=k, value=v) for k, v in dimensions.items()),
        ),
        tags=detail.tags,
    )


def _alert(source: str, alarm: _Alarm, status: AlertStatus) -> Alert:
    arn = _ARN.fullmatch(alarm.arn)
    region = arn["region"] if arn else alarm.region
    dimensions = _dimensions(alarm)
    named = labelled(dimensions)
    also = {_ALSO[key]: value for key, value in named.items() if key in _ALSO}
    where = {"account": alarm.account, "region": region}
    metric = _metrics(alarm)[:1]
    return normalised(
        source,
        name=alarm.name,
        status=status,
        identity={"alarm": alarm.arn} if alarm.arn else {**where, "alarm": alarm.name},
        description="\n\n".join(filter(None, (alarm.description, alarm.reason))),
        severity=severity_of(alarm.tags.get("severity", "")),
        resource=", ".join(dimensions.values()) or alarm.name,
        labels=labelled(
            {
                **also,
                **named,
                **where,
                "namespace": metric[0].namespace if metric else "",
                "metric": metric[0].name if metric else "",
            }
        ),
        annotations=labelled({"reason": alarm.reason, "rule": alarm.rule, **alarm.tags}),
        links={"alarm": _console(arn["region"], alarm.name)}
        if arn and arn["partition"] == "aws"
        else {},
        starts_at=alarm.at if status is AlertStatus.FIRING else None,
        ends_at=alarm.at,
        variant="",
    )


def _metrics(alarm: _Alarm) -> list[_Metric]:
    if alarm.trigger is None:
        return []
    computed = [query.stat.metric for query in alarm.trigger.metrics if query.stat]
    return computed or [alarm.trigger]


def _dimensions(alarm: _Alarm) -> dict[str, str]:
    """Of all metrics of the alarm; of two with one name the first metric's counts."""
    metrics = reversed(_metrics(alarm))
    return {one.name: one.value for metric in metrics for one in metric.dimensions}


def _console(region: str, name: str) -> str:
    host = f"https://{region}.console.aws.amazon.com"
    return f"{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name, safe='')}"
