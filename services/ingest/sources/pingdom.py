"""Pingdom's state change webhook, of uptime and transaction checks.

The format is documented at https://www.pingdom.com/resources/webhooks/.
"""

from typing import Final

from pydantic import Field

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Texts, Wire, labelled
from shared.events import Alert, AlertStatus

# Other states, such as of a paused check, say nothing of what is checked.
_STATUS: Final = {
    "DOWN": AlertStatus.FIRING,
    "FAILING": AlertStatus.FIRING,
    "UP": AlertStatus.RESOLVED,
    "SUCCESS": AlertStatus.RESOLVED,
}


class _Parameters(Wire):
    """Those of an uptime check; a transaction check has none of these."""

    hostname: Text = ""
    full_url: Text = ""
    url: Text = ""
    port: Text = ""


class _StateChange(Wire):
    check_id: str = Field(min_length=1)
    check_name: Text = ""
    check_type: Text = ""
    check_params: _Parameters | None = None
    tags: Texts = ()
    current_state: str
    importance_level: Text = ""
    state_changed_timestamp: Time = None
    long_description: Text = ""
    description: Text = ""
    custom_message: Text = ""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The check that went down or came up; none for a state that is neither.

    Raises:
        ValidationError: the body is not what Pingdom sends.
    """
    change = _StateChange.model_validate_json(webhook.body)
    status = _STATUS.get(change.current_state.upper())
    if status is None:
        return ()
    check = change.check_params or _Parameters()
    down = status is AlertStatus.FIRING
    return (
        normalised(
            webhook.source,
            name=change.check_name or f"Check {change.check_id}",
            status=status,
            identity={"check_id": change.check_id},
            variant="",
            title=f"{change.check_name or change.check_id} is {change.current_state.lower()}",
            description="\n".join(filter(None, (_what_failed(change), change.custom_message))),
            severity=severity_of(change.importance_level),
            resource=check.hostname or check.full_url,
            labels=_labels(change, check),
            links={"check": check.full_url, "pingdom": _report(change)},
            starts_at=change.state_changed_timestamp if down else None,
            ends_at=change.state_changed_timestamp,
        ),
    )


def _what_failed(change: _StateChange) -> str:
    return change.long_description or change.description


def _report(change: _StateChange) -> str:
    uptime = change.current_state.upper() in {"UP", "DOWN"}
    return f"https://my.pingdom.com/app/reports/uptime#check={change.check_id}" if uptime else ""


def _labels(change: _StateChange, check: _Parameters) -> dict[str, str]:
    return labelled(
        {
            "check_id": change.check_id,
            "check_type": change.check_type,
            "host": check.hostname,
            "port": check.port,
            "path": check.url,
            "url": check.full_url,
            "tags": ",".join(change.tags),
        }
    )
