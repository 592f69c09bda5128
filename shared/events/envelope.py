"""What every event carries, and how it travels: CloudEvents 1.0 in NATS binary mode.

Attributes go into ``ce-`` headers and the data into a JSON body, as the CloudEvents NATS protocol
binding says (https://github.com/cloudevents/spec, cloudevents/bindings/nats-protocol-binding.md).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from shared.errors import PermanentError

SPEC_VERSION = "1.0"
TYPE_PREFIX = "handrail."


class MalformedEventError(PermanentError):
    """A message on the bus is no event that this version can read."""


class Event(BaseModel):
    """A past-tense fact about a ticket.

    ``id`` and ``time`` travel as headers, the rest as the body. Unknown fields are ignored, so that
    an older reader understands a newer writer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    subject: ClassVar[str]

    id: UUID
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    ticket_id: UUID

    @classmethod
    def following(cls, cause: "Event", *, key: str = "", **data: Any) -> Self:
        """The event that ``cause`` led to; its id is the same however often it is made.

        ``key`` tells apart several events of one kind that one cause leads to.
        """
        return cls(
            id=derived_id(cause.id, cls.subject, key),
            ticket_id=data.pop("ticket_id", cause.ticket_id),
            **data,
        )

    @classmethod
    def about(cls, origin: UUID, *, key: str = "", **data: Any) -> Self:
        """An event that a stored thing led to; its id is the same however often it is made."""
        return cls(id=derived_id(origin, cls.subject, key), **data)

    @classmethod
    def read(cls, headers: Mapping[str, str], body: bytes) -> Self:
        """The event that a message carries.

        Raises:
            MalformedEventError: it carries another one, or none; says what is wrong.
        """
        try:
            return cls.model_validate(attributes(headers, body))
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
                for detail in error.errors(include_url=False, include_input=False)
            )
            raise MalformedEventError(f"this is no {cls.subject}: {wrong}") from None

    def body(self) -> bytes:
        """The data as JSON, without what travels in headers."""
        return self.__pydantic_serializer__.to_json(self, exclude={"id", "time"})

    def headers(self, *, source: str) -> dict[str, str]:
        """The CloudEvents attributes, and the id by which the stream knows a duplicate."""
        return {
            "ce-specversion": SPEC_VERSION,
            "ce-id": str(self.id),
            "ce-type": TYPE_PREFIX + self.subject,
            "ce-source": f"/handrail/{source}",
            "ce-subject": str(self.ticket_id),
            "ce-time": self.time.isoformat(),
            "content-type": "application/json",
            "Nats-Msg-Id": str(self.id),
        }


def derived_id(origin: UUID, subject: str, key: str = "") -> UUID:
    """The id of the event on ``subject`` that ``origin`` leads to."""
    return uuid5(origin, f"{subject}/{key}" if key else subject)


def attributes(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The fields of an event model, from a message as it came.

    Raises:
        MalformedEventError: the body is no JSON object, or the id or the time is missing.
    """
    try:
        data = json.loads(body)
        return {**data, "id": headers["ce-id"], "time": headers["ce-time"]}
    except KeyError as missing:
        raise MalformedEventError(f"the header {missing} is missing") from missing
    except (ValueError, TypeError) as error:
        raise MalformedEventError(f"the body is no JSON object: {error}") from error
