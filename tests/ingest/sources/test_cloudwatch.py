"""CloudWatch's alarms, read: through SNS and from EventBridge."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.cloudwatch import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

METRIC = {
    "MetricName": "CPUUtilization",
    "Namespace": "AWS/EC2",
    "Dimensions": [{"value": "i-0a1b2c3d4e5f60718", "name": "InstanceId"}],
}


def arn(name):
    return f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{name}"


def alarm(state="ALARM", name="web-1 CPU", **fields):
    return {
        "AlarmName": name,
        "AlarmDescription": "The web server computes too much.",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2026-02-01T08:00:00.000+0000",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint [97.1] was greater than (80.0).",
        "StateChangeTime": "2026-03-01T10:00:00.123+0000",
        "Region": "EU (Frankfurt)",
        "AlarmArn": arn(name),
        "OldStateValue": "OK",
        "OKActions": [],
        "AlarmActions": ["arn:aws:sns:eu-central-1:123456789012:alarms"],
        "InsufficientDataActions": [],
        "Trigger": {
            **METRIC,
            "StatisticType": "Statistic",
            "Statistic": "AVERAGE",
            "Unit": None,
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 80.0,
        },
        **fields,
    }


def sns(message, kind="Notification", **fields):
    envelope = {
        "Type": kind,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:alarms",
        "Subject": 'ALARM: "web-1 CPU" in EU (Frankfurt)',
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-03-01T10:00:01.000Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLEw6JRN",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem",
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
        **fields,
    }
    return Webhook("cloudwatch", json.dumps(envelope).encode(), {"x-amz-sns-message-type": kind})


def raw(body, **headers):
    return Webhook("cloudwatch", json.dumps(body).encode(), headers)


def event(state="ALARM", name="web-1 CPU", **fields):
    metric = {
        "dimensions": {"InstanceId": "i-0a1b2c3d4e5f60718"},
        "name": "CPUUtilization",
        "namespace": "AWS/EC2",
    }
    return {
        "version": "0",
        "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "123456789012",
        "time": "2026-03-01T10:00:00Z",
        "region": "eu-central-1",
        "resources": [arn(name)],
        "detail": {
            "alarmName": name,
            "configuration": {
                "description": "The web server computes too much.",
                "metrics": [
                    {
                        "id": "30b6c6b2-a864-43a2-4877-c09a1afc3b87",
                        "metricStat": {"metric": metric, "period": 300, "stat": "Average"},
                        "returnData": True,
                    }
                ],
            },
            "previousState": {"value": "OK", "timestamp": "2026-03-01T09:00:00.403+0000"},
            "state": {
                "reason": "Threshold Crossed",
                "reasonData": "{}",
                "timestamp": "2026-03-01T10:00:00.123+0000",
                "value": state,
            },
        },
        **fields,
    }


def test_alarms_through_sns_keep_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=sns(alarm()),
        resolved=sns(alarm("OK", Trigger=None, AlarmDescription=None)),
        second=sns(alarm(name="web-2 CPU")),
        again=[
            sns(alarm(NewStateReason="[99.9]", StateChangeTime="2026-03-01T11:00:00.000+0000")),
            raw(alarm(), **{"x-amz-sns-message-type": "Notification"} | RAW),
            raw(alarm()),
            raw(event()),
            sns(event()),
        ],
        malformed=[
            Webhook("cloudwatch", b"{"),
            Webhook("cloudwatch", b"[]"),
            raw({}),
            raw(alarm(), **{"x-amz-sns-message-type": "Notification"}),
            sns("somebody published a text"),
            sns("[]"),
            sns("{}"),
            sns(alarm(), "Other"),
            sns(alarm("FINE")),
            sns(alarm(name="")),
            sns(alarm(Trigger={"Dimensions": "x"})),
            sns(alarm(StateChangeTime=[])),
            sns(alarm(), Message=7.5),
        ],
    )


RAW = {"x-amz-sns-rawdelivery": "true"}


def test_events_keep_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=raw(event()),
        resolved=raw(event("OK")),
        second=raw(event(name="web-2 CPU")),
        malformed=[raw(event("FINE")), raw(event(detail=None)), raw(event(resources="x"))],
    )


def test_alarms_of_the_old_form_are_told_apart_by_account_region_and_name():
    old = alarm(AlarmArn=None)
    others = [{"Region": "US East (N. Virginia)"}, {"AWSAccountId": "2"}, {"AlarmName": "web-2"}]
    prints = {parse(sns({**old, **other}))[0].fingerprint for other in [{}, *others]}
    assert len(prints) == 4


@pytest.mark.parametrize("said", [sns(alarm()), raw(event())], ids=["sns", "event"])
def test_what_an_alarm_says_is_taken_over(said):
    (alert,) = parse(said)
    assert alert.name == "web-1 CPU"
    assert alert.resource == "i-0a1b2c3d4e5f60718"
    assert alert.labels == {
        "instance": "i-0a1b2c3d4e5f60718",
        "instance_id": "i-0a1b2c3d4e5f60718",
        "account": "123456789012",
        "region": "eu-central-1",
        "namespace": "AWS/EC2",
        "metric": "CPUUtilization",
    }
    assert alert.links == {
        "alarm": "https://eu-central-1.console.aws.amazon.com/cloudwatch/home"
        "?region=eu-central-1#alarmsV2:alarm/web-1%20CPU"
    }
    assert alert.description.startswith("The web server computes too much.\n\nThreshold Crossed")
    assert alert.starts_at == datetime(2026, 3, 1, 10, 0, 0, 123_000, tzinfo=UTC)


def test_an_alarm_over_several_metrics_names_the_dimensions_of_all():
    metrics = [
        {"Id": "e1", "Expression": "m1 / 2", "ReturnData": True},
        {"Id": "m1", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Average"}},
    ]
    (alert,) = parse(sns(alarm(Trigger={"Period": 60, "Metrics": metrics})))
    assert alert.labels["instance"] == "i-0a1b2c3d4e5f60718"
    assert alert.labels["metric"] == "CPUUtilization"


def test_a_composite_alarm_has_a_rule_and_no_metric():
    rule = "ALARM(web) AND ALARM(db)"
    fields = {key: value for key, value in alarm().items() if key != "Trigger"}
    (alert,) = parse(sns({**fields, "AlarmRule": rule}))
    assert alert.annotations["rule"] == rule
    assert alert.resource == "web-1 CPU"


def test_a_tag_may_say_how_bad_it_is():
    detail = {**event()["detail"], "alarmTags": {"severity": "critical"}}
    assert parse(raw(event(detail=detail)))[0].severity is Severity.P1
    assert parse(raw(event()))[0].severity is None


@pytest.mark.parametrize(
    "said",
    [
        sns("You have chosen to subscribe.", "SubscriptionConfirmation", Token="2336"),
        sns("You have chosen to leave.", "UnsubscribeConfirmation"),
        sns(alarm("INSUFFICIENT_DATA")),
        raw(event("INSUFFICIENT_DATA")),
        raw({"detail-type": "CloudWatch Alarm Configuration Change", "source": "aws.cloudwatch"}),
    ],
    ids=["subscription", "its end", "no data", "no data in an event", "another event"],
)
def test_what_neither_fires_nor_is_over_gives_no_alert(said):
    assert parse(said) == ()
