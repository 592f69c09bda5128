"""What is said of a problem by whoever opens its ticket, and how that becomes an alert."""

import hashlib
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.ingest.cut import NAME_MOST, TEXT_MOST, TITLE_MOST
from services.ingest.normal import normalised
from services.ingest.refusal import Refusal
from shared.config.sources import ADDRESS
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

_LABELS_MOST = 100

_Line = Annotated[str, StringConstraints(max_length=TITLE_MOST, strip_whitespace=True)]
_LabelName = Annotated[
    str, StringConstraints(min_length=1, max_length=NAME_MOST, pattern=r"^[^\x00]+$")
]
_Address = Annotated[str, StringConstraints(max_length=254, pattern=ADDRESS)]
_LabelText = Annotated[str, StringConstraints(max_length=300)]


class NewTicket(BaseModel):
    """A problem that somebody has to deal with.

    Another one of the same name, resource and labels counts on the ticket that is open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[_Line, Field(min_length=1, description="One line that says what is wrong.")]
    description: Annotated[
        str, Field(max_length=TEXT_MOST, description="All that helps whoever looks at it.")
    ] = ""
    severity: Annotated[
        Severity | None, Field(description="P1 is the worst; left to triage where it is not said.")
    ] = None
    resource: Annotated[_Line, Field(description="What is affected, such as a host.")] = ""
    labels: Annotated[
        dict[_LabelName, _LabelText],
        Field(max_length=_LABELS_MOST, description="What runbooks choose by and fill in."),
    ] = {}
    name: Annotated[
        _Line, Field(description="The kind of problem, as an alert's name; the title otherwise.")
    ] = ""
    requested_by: Annotated[
        _Address | None,
        Field(
            description="The address of the person who asks for it, whose own yes may not count. "
            "Where the token is a person's, it is that one."
        ),
    ] = None

    def of(self, person: str) -> "NewTicket":
        """The request as one of the person whose token it came with; of nobody where it is empty.

        Raises:
            Refusal: it names another person.
        """
        named = self.requested_by
        if person and named and named.casefold() != person.casefold():
            raise Refusal(403, f"requested_by: this token is that of {person}: leave it out")
        return self.model_copy(update={"requested_by": person}) if person else self

    def alert(self, source: str) -> Alert:
        """The alert that it is, of this source."""
        alert = self._normalised(source)
        return alert.model_copy(update={"requested_by": (self.requested_by or "").lower()})

    def _normalised(self, source: str) -> Alert:
        return normalised(
            source,
            name=self.name or self.title,
            status=AlertStatus.FIRING,
            identity={**self.labels, "resource": self.resource},
            title=self.title,
            description=self.description,
            severity=self.severity,
            resource=self.resource,
            labels=self.labels,
        )

    def digest(self) -> str:
        """The same for the same request."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Accepted(BaseModel):
    """The ticket that a request is about."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    opened: Annotated[bool, Field(description="False where it was open already.")]


class Refused(BaseModel):
    """Why a request was not accepted."""

    model_config = ConfigDict(frozen=True)

    error: Annotated[str, Field(description="What to change.")]
    problems: tuple[str, ...] = ()
