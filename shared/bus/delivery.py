"""Every delivery passes here: log context, acknowledgement, redelivery, dead letters."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import nats.errors
import structlog
from faststream import BaseMiddleware, ContextRepo
from faststream.message import StreamMessage
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from shared.bus.redelivery import DELAYS, GiveUp, after_failure
from shared.bus.streams import DEAD
from shared.bus.watch import Outcome, Watch, record_error
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

DEAD_ERROR: Final = "handrail-error"
DEAD_KIND: Final = "handrail-error-kind"
DEAD_SUBJECT: Final = "handrail-subject"
DEAD_DURABLE: Final = "handrail-durable"
DEAD_DELIVERED: Final = "handrail-delivered"

# A header line is for a person; the whole traceback is in the log.
ERROR_LENGTH: Final = 500

# What a delivery puts into the log context; see also `bus`.
_BOUND: Final = ("subject", "batch", "event_id", "ticket_id", "session_id", "step_id")

Messages = StreamMessage[list[Msg]]


class Delivery(BaseMiddleware[Any, Any]):
    """Handles messages: acknowledged when the handler returned, else tried again or given up."""

    def __init__(
        self,
        msg: Any,
        /,
        *,
        context: ContextRepo,
        service: str,
        stream: Callable[[], JetStreamContext],
        watch: Watch,
        delays: Sequence[timedelta] = DELAYS,
    ) -> None:
        super().__init__(msg, context=context)
        self._service = service
        self._stream = stream
        self._watch = watch
        self._delays = delays

    async def consume_scope(
        self, call_next: Callable[[Messages], Awaitable[Any]], msg: Messages
    ) -> None:
        raws = msg.raw_message
        _bind(raws)
        with self._watch.processing(raws) as seen:
            try:
                await call_next(msg)
            except asyncio.CancelledError:
                seen.outcome = Outcome.RETURNED
                await self._give_back(raws)
                raise
            except Exception as error:  # the one place that takes them all
                record_error(error)
                if len(raws) == 1 or isinstance(error, UnavailableError):
                    for raw in raws:
                        seen.outcome = await self._failed(raw, error)
                    return
                log.warning("batch.failed", batch=len(raws), exc_info=error)
            else:
                await self._settle(raws)
                seen.outcome = Outcome.HANDLED
                return
        await self._one_by_one(call_next, msg)

    async def _settle(self, raws: Sequence[Msg]) -> None:
        """Say that the messages are handled; without a connection they come once more."""
        for raw in raws:
            try:
                await raw.ack()
            except nats.errors.Error as outage:
                log.warning("message.not_acked", reason=repr(outage))

    async def _one_by_one(
        self, call_next: Callable[[Messages], Awaitable[Any]], batch: Messages
    ) -> None:
        """Handle each message of a batch alone, so that a bad one does not spoil the others."""
        for position, raw in enumerate(batch.raw_message):
            alone = copy(batch)
            alone.raw_message, alone.body, alone.headers = [raw], raw.data, raw.headers or {}
            try:
                await self.consume_scope(call_next, alone)
            except asyncio.CancelledError:
                await self._give_back(batch.raw_message[position + 1 :])
                raise

    async def _failed(self, raw: Msg, error: Exception) -> Outcome:
        delivered = raw.metadata.num_delivered
        decision = after_failure(error, delivered, delays=self._delays)
        if isinstance(decision, GiveUp):
            try:
                await self._bury(raw, error, delivered)
            except (nats.errors.Error, TimeoutError) as outage:
                log.warning("dead_letter.refused", reason=repr(outage))
                await self._again(raw, self._delays[-1])
                return Outcome.RETRIED
            log.error("message.given_up", delivered=delivered, exc_info=error)
            return Outcome.DEAD
        again_in = decision.delay.total_seconds()
        if isinstance(error, UnavailableError):
            log.warning("message.waiting", reason=str(error), again_in=again_in)
        else:
            log.warning("message.failed", delivered=delivered, again_in=again_in, exc_info=error)
        await self._again(raw, decision.delay)
        return Outcome.RETRIED

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

    async def _again(self, raw: Msg, delay: timedelta) -> None:
        """Ask for another delivery; without a connection it comes by itself after the ack wait."""
        try:
            await raw.nak(delay=delay.total_seconds())
        except nats.errors.Error as outage:
            log.warning("message.not_returned", reason=repr(outage))

    async def _give_back(self, raws: Sequence[Msg]) -> None:
        """Let somebody else have the messages at once, since this service stops."""
        for raw in raws:
            if not raw.is_acked:
                await self._again(raw, timedelta(0))


def _dead_id(raw: Msg) -> str:
    """The same for every copy of one dead message, so that two replicas bury it once."""
    where = raw.metadata
    return str(uuid5(NAMESPACE_URL, f"{where.stream}/{where.consumer}/{where.sequence.stream}"))


def _bind(raws: Sequence[Msg]) -> None:
    """Put the ids into every log line of this delivery, which has a task of its own."""
    structlog.contextvars.unbind_contextvars(*_BOUND)
    if len(raws) > 1:
        family = raws[0].subject.split(".", 1)[0]
        structlog.contextvars.bind_contextvars(subject=f"{family}.>", batch=len(raws))
        return
    headers = raws[0].headers or {}
    known = {"event_id": headers.get("ce-id"), "ticket_id": headers.get("ce-subject")}
    structlog.contextvars.bind_contextvars(
        subject=raws[0].subject, **{name: value for name, value in known.items() if value}
    )
