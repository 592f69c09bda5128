"""Every delivery passes here: log context, acknowledgement, redelivery, dead letters."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import structlog
from faststream import BaseMiddleware, ContextRepo
from faststream.message import StreamMessage
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from opentelemetry import trace

from shared.bus.redelivery import GiveUp, after_failure
from shared.bus.streams import DEAD

log = structlog.get_logger(__name__)

DEAD_ERROR: Final = "handrail-error"
DEAD_KIND: Final = "handrail-error-kind"
DEAD_SUBJECT: Final = "handrail-subject"
DEAD_DURABLE: Final = "handrail-durable"
DEAD_DELIVERED: Final = "handrail-delivered"

# A header line is for a person; the whole traceback is in the log.
ERROR_LENGTH: Final = 500


class Delivery(BaseMiddleware[Any, Any]):
    """Handles one message: acknowledged when the handler returned, else tried again or given up."""

    def __init__(
        self,
        msg: Any,
        /,
        *,
        context: ContextRepo,
        service: str,
        stream: Callable[[], JetStreamContext],
        in_flight: set[StreamMessage[Any]],
    ) -> None:
        super().__init__(msg, context=context)
        self._service = service
        self._stream = stream
        self._in_flight = in_flight

    async def consume_scope(
        self,
        call_next: Callable[[StreamMessage[Any]], Awaitable[Any]],
        msg: StreamMessage[Any],
    ) -> Any:
        raws: list[Msg] = (
            msg.raw_message if isinstance(msg.raw_message, list) else [msg.raw_message]
        )
        self._in_flight.add(msg)
        try:
            with _log_context(raws):
                try:
                    await call_next(msg)
                except Exception as error:  # noqa: BLE001 the one place that takes them all
                    trace.get_current_span().record_exception(error)
                    for raw in raws:
                        await self._failed(raw, error)
                else:
                    await msg.ack()
        finally:
            self._in_flight.discard(msg)

    async def _failed(self, raw: Msg, error: Exception) -> None:
        delivered = raw.metadata.num_delivered
        decision = after_failure(error, delivered)
        if isinstance(decision, GiveUp):
            await self._bury(raw, error, delivered)
            log.error("message.given_up", subject=raw.subject, delivered=delivered, exc_info=error)
            return
        log.warning(
            "message.failed",
            subject=raw.subject,
            delivered=delivered,
            again_in=decision.delay.total_seconds(),
            exc_info=error,
        )
        await raw.nak(delay=decision.delay.total_seconds())

    async def _bury(self, raw: Msg, error: Exception, delivered: int) -> None:
        """Store the message with the dead letters, then end its delivery."""
        headers = {
            **(raw.headers or {}),
            DEAD_ERROR: " ".join(str(error).split())[:ERROR_LENGTH],
            DEAD_KIND: type(error).__name__,
            DEAD_SUBJECT: raw.subject,
            DEAD_DURABLE: raw.metadata.consumer,
            DEAD_DELIVERED: str(delivered),
            "Nats-Msg-Id": _dead_id(raw),
        }
        await self._stream().publish(
            f"dead.{self._service}",
            raw.data,
            stream=DEAD,
            headers=headers,
        )
        await raw.term()


def _dead_id(raw: Msg) -> str:
    """The same for every copy of one dead message, so that two replicas bury it once."""
    where = raw.metadata
    return str(uuid5(NAMESPACE_URL, f"{where.stream}/{where.consumer}/{where.sequence.stream}"))


@contextmanager
def _log_context(raws: list[Msg]) -> Iterator[None]:
    if len(raws) != 1:
        with structlog.contextvars.bound_contextvars(batch=len(raws)):
            yield
        return
    headers = raws[0].headers or {}
    known = {"event": headers.get("ce-id"), "ticket": headers.get("ce-subject")}
    names = {f"{name}_id": value for name, value in known.items() if value}
    with structlog.contextvars.bound_contextvars(subject=raws[0].subject, **names):
        yield
