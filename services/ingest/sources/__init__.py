"""The sources that can post webhooks: one module each, and one line each in ``SOURCES``."""

from typing import Final

from services.ingest.sources import (
    alertmanager,
    azure,
    checkmk,
    cloudevents,
    cloudwatch,
    datadog,
    dynatrace,
    elastic,
    github,
    gitlab,
    grafana,
    jira,
    kubernetes,
    nagios,
    opsgenie,
    pagerduty,
    pingdom,
    servicenow,
    site24x7,
    splunk,
    uptimekuma,
    zabbix,
)
from services.ingest.webhook import Parse

SOURCES: Final[dict[str, Parse]] = {
    "alertmanager": alertmanager.parse,
    "azure": azure.parse,
    "checkmk": checkmk.parse,
    "cloudevents": cloudevents.parse,
    "cloudwatch": cloudwatch.parse,
    "datadog": datadog.parse,
    "dynatrace": dynatrace.parse,
    "elastic": elastic.parse,
    "github": github.parse,
    "gitlab": gitlab.parse,
    "grafana": grafana.parse,
    "jira": jira.parse,
    "kubernetes": kubernetes.parse,
    "nagios": nagios.parse,
    "opsgenie": opsgenie.parse,
    "pagerduty": pagerduty.parse,
    "pingdom": pingdom.parse,
    "servicenow": servicenow.parse,
    "site24x7": site24x7.parse,
    "splunk": splunk.parse,
    "uptimekuma": uptimekuma.parse,
    "zabbix": zabbix.parse,
}
