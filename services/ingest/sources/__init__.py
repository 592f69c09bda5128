"""The sources that can post webhooks: one module each, and one line each in ``SOURCES``."""

from typing import Final

from services.ingest.sources import (
    alertmanager,
    checkmk,
    dynatrace,
    nagios,
    opsgenie,
    pingdom,
    site24x7,
    uptimekuma,
)
from services.ingest.webhook import Parse

SOURCES: Final[dict[str, Parse]] = {
    "alertmanager": alertmanager.parse,
    "checkmk": checkmk.parse,
    "dynatrace": dynatrace.parse,
    "nagios": nagios.parse,
    "opsgenie": opsgenie.parse,
    "pingdom": pingdom.parse,
    "site24x7": site24x7.parse,
    "uptimekuma": uptimekuma.parse,
}
