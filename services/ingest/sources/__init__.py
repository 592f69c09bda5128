"""The sources that can post webhooks: one module each, and one line each in ``SOURCES``."""

from typing import Final

from services.ingest.sources import alertmanager, checkmk, nagios, site24x7, uptimekuma
from services.ingest.webhook import Parse

SOURCES: Final[dict[str, Parse]] = {
    "alertmanager": alertmanager.parse,
    "uptimekuma": uptimekuma.parse,
    "site24x7": site24x7.parse,
    "nagios": nagios.parse,
    "checkmk": checkmk.parse,
}
