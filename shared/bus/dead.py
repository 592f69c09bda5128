"""The dead letters: messages that a service could not handle, to be read and brought back."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from shared.bus.delivery import DEAD_DELIVERED, DEAD_DURABLE, DEAD_ERROR, DEAD_KIND, DEAD_SUBJECT
from shared.bus.streams import DEAD, stream_of
from shared.errors import HandrailError


class NoSuchLetterError(HandrailError):
    """There is no dead letter with this number."""


@dataclass(frozen=True)
class DeadLetter:
    """One message that was given up; ``seq`` is its number in the stream of dead letters."""

    seq: int
    service: str
    subject: str
    durable: str
    error: str
    kind: str
    delivered: int
    at: datetime | None
    headers: dict[str, str]
    body: bytes

    @property
    def ticket_id(self) -> str:
        return self.headers.get("ce-subject", "")


async def letters(js: JetStreamContext) -> AsyncIterator[DeadLetter]:
    """All dead letters, the oldest first."""
    seq = 1
    while True:
        try:
            raw = await js.get_msg(DEAD, seq=seq, subject="dead.>", next=True)
        except NotFoundError:
            return
        if raw.seq is None:
            return
        yield _letter(raw.seq, raw.subject or "", raw.headers or {}, raw.data or b"", raw.time)
        seq = raw.seq + 1


async def letter(js: JetStreamContext, seq: int) -> DeadLetter:
    """One dead letter.

    Raises:
        NoSuchLetterError: it is not there, or no longer.
    """
    try:
        raw = await js.get_msg(DEAD, seq=seq)
    except NotFoundError as error:
        raise NoSuchLetterError(f"there is no dead letter {seq}") from error
    return _letter(seq, raw.subject or "", raw.headers or {}, raw.data or b"", raw.time)


async def replay(js: JetStreamContext, seq: int) -> DeadLetter:
    """Publish a dead letter on its old subject, then take it off the dead letters.

    Every service that takes the subject in sees it again, as with any redelivery. Its id in the
    stream is the letter's, since the stream would drop the old one as a duplicate, and a replay
    that was broken off may be made again; its event id stays.
    """
    dead = await letter(js, seq)
    headers = {
        name: value for name, value in dead.headers.items() if not name.startswith("handrail-")
    }
    headers["Nats-Msg-Id"] = f"replay-{dead.headers.get('Nats-Msg-Id', seq)}"
    headers.pop("Nats-Expected-Stream", None)
    await js.publish(dead.subject, dead.body, stream=stream_of(dead.subject), headers=headers)
    await js.delete_msg(DEAD, seq)
    return dead


def _letter(
    seq: int, subject: str, headers: dict[str, str], body: bytes, at: datetime | str | None
) -> DeadLetter:
    return DeadLetter(
        seq=seq,
        service=subject.removeprefix("dead."),
        subject=headers.get(DEAD_SUBJECT, ""),
        durable=headers.get(DEAD_DURABLE, ""),
        error=headers.get(DEAD_ERROR, ""),
        kind=headers.get(DEAD_KIND, ""),
        delivered=int(headers.get(DEAD_DELIVERED, "0")),
        at=datetime.fromisoformat(at) if isinstance(at, str) else at,
        headers=headers,
        body=body,
    )


def body_text(body: bytes) -> str:
    """A body for a person to read; base64 where it is no text."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()
