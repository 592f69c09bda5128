"""A look with an alert's values in it, and as people read it."""

import re

from shared.alertwords import asked
from shared.config.evidence import AnyLook, CommandLook, EvidenceConfig, HttpLook, PrometheusLook
from shared.events import Alert
from shared.runbook.placing import Kind, prepared
from shared.runbook.template import Named


def wanted(config: EvidenceConfig, alert: Alert) -> tuple[AnyLook, ...]:
    """The looks that are for an alert; a condition that cannot be worked out does not hold."""
    return tuple(
        look for look in config.looks if look.when is None or asked(look.when, alert).holds
    )


def rendered(look: AnyLook, alert: Alert) -> AnyLook:
    """The look exactly as it will be made, each value quoted for its place.

    Raises:
        ValueMissingError: the alert does not have what is asked for.
        ValueRefusedError: a value cannot be put where it stands.
    """
    values = {
        "labels": Named("label", alert.labels),
        "annotations": Named("annotation", alert.annotations),
    }

    def text(template: str, kind: Kind) -> str:
        return prepared(template, kind).render(values)

    match look:
        case PrometheusLook():
            return look.model_copy(update={"query": text(look.query, Kind.QUERY)})
        case CommandLook():
            target, run = text(look.target, Kind.NAME), text(look.run, Kind.COMMAND)
            return look.model_copy(update={"target": target, "run": run})
        case HttpLook():
            return look.model_copy(update={"url": text(look.url, Kind.URL)})


def described(look: AnyLook) -> str:
    """What is asked, and where, in a line."""
    match look:
        case PrometheusLook():
            server = f" {look.server}" if look.server else ""
            return f"prometheus{server}: {_one_line(look.query)}"
        case CommandLook():
            return f"`{_one_line(look.run)}` on {look.target}"
        case HttpLook():
            return f"GET {look.url}"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
