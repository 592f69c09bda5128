"""What FastStream builds for each of its own subscribers, for one that is not its own."""

from typing import Any

from faststream import AckPolicy
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.nats import NatsBroker
from faststream.nats.subscriber.config import (
    NatsSubscriberConfig,
    NatsSubscriberSpecificationConfig,
)
from faststream.nats.subscriber.specification import NatsSubscriberSpecification
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig


def declared(subject: str, broker: NatsBroker, parser: Any, decoder: Any) -> tuple[Any, Any, Any]:
    """The three arguments of a subscriber: its config, its specification, its calls."""
    outer: Any = broker.config
    config = NatsSubscriberConfig(
        subject=subject,
        sub_config=ConsumerConfig(),
        no_reply=True,
        _outer_config=outer,
        _ack_policy=AckPolicy.MANUAL,
    )
    config.parser, config.decoder = parser, decoder
    calls: CallsCollection[list[Msg]] = CallsCollection()
    specification = NatsSubscriberSpecification(
        _outer_config=outer,
        calls=calls,
        specification_config=NatsSubscriberSpecificationConfig(
            subject=subject,
            queue=None,
            title_=None,
            description_=None,
            include_in_schema=False,
        ),
    )
    return config, specification, calls
