"""Splunk's webhook alert action: a search that found something.

The format is documented as "Use a webhook alert action" at
https://docs.splunk.com/Documentation/Splunk/latest/Alert/Webhooks. It carries the first row of the
results, or with the trigger "For each result" each of them in a webhook of its own.

Splunk only fires: it never tells that a search finds nothing any more.
"""

from typing import Final

from pydantic import JsonValue

from services.ingest.normal import normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Wire, labelled
from shared.events import Alert, AlertStatus

# Fields of a row that tell what is affected, the exact one first; all others may change from one
# run of the search to the next. These are the names of Splunk's own fields and its data models.
_INSTANCE: Final = ("instance", "host", "hostname", "dest", "service", "entity", "resource")
_SEVERITY: Final = ("severity", "urgency", "priority")


class _Found(Wire):
    result: dict[str, JsonValue]
    sid: str
    search_name: Text = ""
    results_link: Text = ""
    owner: Text = ""
    app: Text = ""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """What the search found, which always fires.

    It is about another instance where one of the row's fields ``instance``, ``host``, ``hostname``,
    ``dest``, ``service``, ``entity`` or ``resource`` has another value. A search that was never
    saved has no name: each of its runs is a problem of its own.

    Raises:
        ValidationError: the body is not what Splunk sends.
    """
    found = _Found.model_validate_json(webhook.body)
    row = {name: _text(value) for name, value in found.result.items() if not name.startswith("_")}
    about = {name: row[name] for name in _INSTANCE if row.get(name)}
    said = next((row[name] for name in _SEVERITY if row.get(name)), "")
    return (
        normalised(
            webhook.source,
            name=found.search_name or "Splunk search",
            status=AlertStatus.FIRING,
            identity={**about, "search": found.search_name or found.sid, "app": found.app},
            variant="",
            title=row.get("title") or found.search_name or "A Splunk search found something",
            description=row.get("message") or row.get("description") or _lines(row),
            severity=severity_of(said),
            resource=next(iter(about.values()), ""),
            labels=labelled(row) | labelled({"app": found.app, "owner": found.owner}),
            links={"results": found.results_link},
        ),
    )


def _text(value: JsonValue) -> str:
    """A field with several values is a list."""
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else "" if value is None else str(value)


def _lines(row: dict[str, str]) -> str:
    return "\n".join(f"{name}: {text}" for name, text in row.items() if text)
