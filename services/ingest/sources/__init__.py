"""The sources that can post webhooks: one module each, and one line each in ``SOURCES``."""

from typing import Final

from services.ingest.sources import alertmanager
from services.ingest.webhook import Parse

SOURCES: Final[dict[str, Parse]] = {
    "alertmanager": alertmanager.parse,
}
