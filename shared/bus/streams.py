"""The JetStream streams and durables, and how their configuration is brought up to date."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError

#: One stream for each family of subjects.
FAMILIES: Final[dict[str, str]] = {
    "ticket": "TICKETS",
    "plan": "PLANS",
    "step": "STEPS",
    "session": "SESSIONS",
    "question": "QUESTIONS",
    "notification": "NOTIFICATIONS",
    "feedback": "FEEDBACK",
    "dead": "DEAD",
}
DEAD: Final = FAMILIES["dead"]

# Events are kept for those who come later or were away; the state itself is in the store.
RETENTION: Final = timedelta(days=14)
DEAD_RETENTION: Final = timedelta(days=90)
DUPLICATE_WINDOW: Final = timedelta(minutes=2)

# A handler that dies is followed by another after this time. The bus keeps saying "in progress" for
# handlers that live, so it need not be longer than a pause of the whole process.
ACK_WAIT: Final = timedelta(seconds=10)
MAX_ACK_PENDING: Final = 512


def stream_of(subject: str) -> str:
    """The stream that keeps this subject."""
    return FAMILIES[subject.split(".", 1)[0]]


def durable_name(service: str, subject: str) -> str:
    """The name of a service's durable on a subject or a family's wildcard."""
    return f"{service}-{subject.replace('.', '-').replace('>', 'all')}"


def stream_config(family: str, *, replicas: int) -> StreamConfig:
    """How the stream of a family is meant to be."""
    return StreamConfig(
        name=FAMILIES[family],
        subjects=[f"{family}.>"],
        storage=StorageType.FILE,
        num_replicas=replicas,
        discard=DiscardPolicy.OLD,
        max_age=(DEAD_RETENTION if family == "dead" else RETENTION).total_seconds(),
        duplicate_window=DUPLICATE_WINDOW.total_seconds(),
    )


def consumer_config(
    service: str, subject: str, *, ack_wait: timedelta = ACK_WAIT
) -> ConsumerConfig:
    """How the durable of a service on a subject is meant to be.

    The server redelivers without an end: when to give a message up is decided by the bus, which
    knows the error.
    """
    return ConsumerConfig(
        durable_name=durable_name(service, subject),
        filter_subject=subject,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait.total_seconds(),
        max_deliver=-1,
        max_ack_pending=MAX_ACK_PENDING,
    )


async def declare_streams(js: JetStreamContext, *, replicas: int) -> None:
    """Create the streams, or change them to what they are meant to be; safe to run side by side."""
    for family in FAMILIES:
        config = stream_config(family, replicas=replicas)
        try:
            await js.add_stream(config)
        except BadRequestError:
            await js.update_stream(config)


async def declare_consumers(
    js: JetStreamContext,
    service: str,
    subjects: Iterable[str],
    *,
    ack_wait: timedelta = ACK_WAIT,
) -> None:
    """Create a service's durables, or change them: subscribing alone would leave old ones as is."""
    for subject in subjects:
        config = consumer_config(service, subject, ack_wait=ack_wait)
        await js.add_consumer(stream_of(subject), config)
