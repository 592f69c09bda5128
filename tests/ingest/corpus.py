"""Webhooks of every source as its vendor writes them, for tests that take all sources in turn."""

from services.ingest.webhook import Webhook
from tests.ingest import test_generic
from tests.ingest.payloads import body, fired, over
from tests.ingest.sources import (
    test_azure,
    test_checkmk,
    test_cloudevents,
    test_cloudwatch,
    test_datadog,
    test_dynatrace,
    test_elastic,
    test_gcp,
    test_github,
    test_gitlab,
    test_grafana,
    test_jira,
    test_kubernetes,
    test_nagios,
    test_newrelic,
    test_opsgenie,
    test_pagerduty,
    test_pingdom,
    test_sentry,
    test_servicenow,
    test_site24x7,
    test_splunk,
    test_uptimekuma,
    test_zabbix,
)

CORPUS = {
    "alertmanager": (
        Webhook("alertmanager", body(fired(), over(instance="web-2:9100"), truncatedAlerts=1)),
    ),
    "azure": (
        test_azure.notification(),
        test_azure.notification("Resolved"),
        test_azure.notification(context=test_azure.measured(("Disk", "C:"), ("Host", "a"))),
        test_azure.prometheus(),
    ),
    "checkmk": (test_checkmk.service(), test_checkmk.host()),
    "cloudevents": (
        test_cloudevents.structured(test_cloudevents.event()),
        test_cloudevents.structured([test_cloudevents.event()], test_cloudevents.BATCH),
        test_cloudevents.binary(b"{}"),
    ),
    "cloudwatch": (
        test_cloudwatch.sns(test_cloudwatch.alarm()),
        test_cloudwatch.raw(test_cloudwatch.event()),
        test_cloudwatch.raw(test_cloudwatch.alarm("OK")),
    ),
    "datadog": (test_datadog.notification(), test_datadog.notification("Recovered")),
    "dynatrace": (test_dynatrace.problem(), test_dynatrace.over()),
    "elastic": (test_elastic.rule(), test_elastic.rule("recovered"), test_elastic.watch()),
    "gcp": (test_gcp.incident(), test_gcp.incident("closed")),
    "generic": (test_generic.sent(test_generic.problem(), test_generic.problem(host="db-2")),),
    "github": (test_github.run(), test_github.deployment(), test_github.deployment("success")),
    "gitlab": (test_gitlab.pipeline(), test_gitlab.job(), test_gitlab.deployment()),
    "grafana": (
        test_grafana.unified(test_grafana.alert(), test_grafana.alert(status="resolved")),
        test_grafana.legacy(),
    ),
    "jira": (test_jira.issue(), test_jira.issue("updated", test_jira.DONE, ["status"])),
    "kubernetes": (
        test_kubernetes.post(test_kubernetes.modern()),
        test_kubernetes.post(test_kubernetes.core()),
        test_kubernetes.node("NodeReady"),
    ),
    "nagios": (test_nagios.service(), test_nagios.host("RECOVERY", "UP")),
    "newrelic": (test_newrelic.issue(), test_newrelic.issue("CLOSED")),
    "opsgenie": (test_opsgenie.action(), test_opsgenie.action("Close")),
    "pagerduty": (test_pagerduty.v3(), test_pagerduty.v2(test_pagerduty.message())),
    "pingdom": (test_pingdom.change(), test_pingdom.transaction("SUCCESS")),
    "sentry": (
        test_sentry.issue(),
        test_sentry.issue("resolved", resource=None),
        test_sentry.event(),
        test_sentry.metric(),
    ),
    "servicenow": (test_servicenow.incident(), test_servicenow.incident(test_servicenow.RESOLVED)),
    "site24x7": (test_site24x7.hook(), test_site24x7.hook("UP")),
    "splunk": (test_splunk.found(),),
    "uptimekuma": (
        test_uptimekuma.hook(test_uptimekuma.payload()),
        test_uptimekuma.hook(test_uptimekuma.payload(status=1)),
        test_uptimekuma.expiry(7),
    ),
    "zabbix": (
        test_zabbix.event(),
        test_zabbix.event("0"),
        test_zabbix.update("changed severity from High to Disaster"),
    ),
}
