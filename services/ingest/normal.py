"""How every source's words become one alert: the same severities, sizes, times and identity."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from services.ingest.cut import TEXT_MOST, TITLE_MOST, cut, fitting
from services.ingest.ticket import fingerprint
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# What people and products write, by the conventions of Prometheus' own mixins, PagerDuty and
# syslog; anything else is left for triage.
_SEVERITIES: Final = {
    **dict.fromkeys(("critical", "page", "emergency", "emerg", "fatal", "disaster"), Severity.P1),
    **dict.fromkeys(("error", "err", "high", "major", "severe"), Severity.P2),
    **dict.fromkeys(("warning", "warn", "medium", "moderate", "minor", "average"), Severity.P3),
    **dict.fromkeys(("info", "information", "informational", "low", "none", "notice"), Severity.P4),
    **{severity.lower(): severity for severity in Severity},
}

# Go's zero time, which Alertmanager and Grafana send for a time that is not known.
_GO_ZERO: Final = "0001-01-01T00:00:00Z"
# A time outside of these years is a mistake, and may not exist in another time zone.
_YEARS: Final = range(1970, 9999)
_LEFT_OUT: Final = "handrail_left_out"


def _no_zero_time(value: object) -> object:
    return None if value in (_GO_ZERO, "") else value


def _believable(value: datetime | None) -> datetime | None:
    return value if value is not None and value.year in _YEARS else None


#: A time as sources send it; None where it is not known or cannot be.
Time = Annotated[AwareDatetime | None, BeforeValidator(_no_zero_time), AfterValidator(_believable)]


def severity_of(word: str) -> Severity | None:
    """What a word for a severity means, in any case; None where it is not known."""
    return _SEVERITIES.get(word.strip().lower())


def normalised(
    source: str,
    *,
    name: str,
    status: AlertStatus,
    identity: Mapping[str, str],
    title: str = "",
    description: str = "",
    severity: Severity | None = None,
    resource: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    variant: str | None = None,
) -> Alert:
    """An alert that fits into an event.

    ``identity`` is what tells one instance of the problem from another, and is the same in the
    firing and the resolved notification; ``resource`` names for people what is affected. An end
    counts only where the status is resolved; links that are no web addresses are left out.

    ``variant`` is for sources that keep track of the problem themselves, under ``identity`` alone:
    people may rename it there and change its labels while it lasts. It says which of their alerts
    on the problem this is, and is empty where there is only one at a time.
    """
    kept, noted = _fitting(labels or {}, annotations or {})
    return Alert(
        source=source,
        name=cut(name, TITLE_MOST) or "unnamed",
        status=status,
        fingerprint=fingerprint(source, name if variant is None else "", identity),
        variant=variant,
        title=cut(title or name, TITLE_MOST) or "An alert without a name",
        description=cut(description),
        severity=severity,
        resource=cut(resource, TITLE_MOST),
        labels=kept,
        annotations=noted,
        links=_web_links(links or {}),
        starts_at=starts_at,
        ends_at=ends_at if status is AlertStatus.RESOLVED else None,
    )


def _fitting(
    labels: Mapping[str, str], annotations: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """What can be kept of labels and annotations; an annotation says what could not."""
    kept, noted = fitting(labels), fitting(annotations)
    missing = len(labels) - len(kept), len(annotations) - len(noted)
    if any(missing):
        noted[_LEFT_OUT] = "{} labels and {} annotations, for their size or name".format(*missing)
    return kept, noted


def _web_links(links: Mapping[str, str]) -> dict[str, str]:
    return {
        name: url
        for name, url in links.items()
        if url.startswith(("http://", "https://")) and len(url) <= TEXT_MOST
    }
