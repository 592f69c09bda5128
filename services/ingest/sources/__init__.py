"""The sources that can post webhooks: one module each, and one line each in ``SOURCES``."""

from collections.abc import Callable
from typing import Final

from services.ingest.sources import alertmanager
from shared.events import Alert

#: Turns the body of a webhook, parsed as JSON, into alerts; raises a pydantic ValidationError.
Parse = Callable[[str, bytes], tuple[Alert, ...]]

SOURCES: Final[dict[str, Parse]] = {
    "alertmanager": alertmanager.parse,
}
