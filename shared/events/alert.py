"""The normalised alert: what a source said, whichever source it was."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.lifecycle import Severity


class AlertStatus(StrEnum):
    """Whether the source says that the problem is there."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(BaseModel):
    """One firing or resolved notification.

    ``fingerprint`` is the identity of the problem (hexadecimal), the same for its firing and its
    resolved notification and different for every instance. ``severity`` is what the source said, if
    it said anything that can be understood; ``resource`` names what is affected, for people.
    ``variant`` tells the alerts on one problem from each other; the labels do where it is None.
    ``requested_by`` is the address of the person who asked for a ticket; empty where a machine did.
    ``co_requesters`` asked for a plan of it since.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str
    name: str
    status: AlertStatus
    fingerprint: str
    variant: str | None = None
    title: str
    description: str = ""
    severity: Severity | None = None
    resource: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    links: dict[str, str] = {}
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    requested_by: str = ""
    co_requesters: tuple[str, ...] = ()
