"""What ingest counts; no label has more values than there are sources and reasons."""

from collections.abc import Sequence
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.ingest.gate import Gate
from services.ingest.history.entry import Entry
from services.ingest.refusal import Refusal
from shared.events import Alert

#: Stands for a source that handrail.yaml does not have.
UNKNOWN: Final = "unknown"


class Counters:
    """The counters of ingest, by source."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._alerts = self._counter("handrail_alerts", "Alerts accepted.", "source", "status")
        self._decisions = self._counter(
            "handrail_alert_decisions", "Alerts, by what became of them.", "source", "decision"
        )
        self._bytes = self._counter("handrail_webhook_bytes", "Bytes of bodies read.", "source")
        self._refused = self._counter(
            "handrail_webhooks_refused", "Requests refused.", "source", "code", "reason"
        )

    def watch(self, gate: Gate) -> None:
        """Show how much room is taken, and how many wait for it."""
        inside, waiting, held = (
            Gauge(name, told, registry=self._registry)
            for name, told in (
                ("handrail_webhooks_in_flight", "Bodies that are read, understood or written."),
                ("handrail_webhooks_waiting", "Requests whose body waits to be read."),
                ("handrail_webhooks_held_bytes", "Bytes set aside for bodies in flight."),
            )
        )
        inside.set_function(lambda: gate.inside)
        waiting.set_function(lambda: gate.waiting)
        held.set_function(lambda: gate.inside_bytes)

    def read(self, source: str, body: bytes) -> None:
        """A body was read."""
        self._bytes.labels(source).inc(len(body))

    def accepted(self, source: str, alerts: Sequence[Alert]) -> None:
        """Alerts were accepted."""
        for alert in alerts:
            self._alerts.labels(source, alert.status).inc()

    def refused(self, source: str, refusal: Refusal) -> None:
        """A request was refused; ``source`` is one of handrail.yaml, or ``UNKNOWN``."""
        self._refused.labels(source, str(refusal.status), refusal.why).inc()

    def decided(self, entries: Sequence[Entry]) -> None:
        """It was decided what becomes of alerts."""
        for entry in entries:
            self._decisions.labels(entry.alert.source, entry.decision).inc()

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(name, told, labels, registry=self._registry)


class _Keeps(Protocol):
    async def keep(self, entries: Sequence[Entry]) -> None: ...


class CountedHistory:
    """A history that counts what it kept."""

    def __init__(self, history: _Keeps, counters: Counters) -> None:
        self._history = history
        self._counters = counters

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Keep the alerts, then count them."""
        await self._history.keep(entries)
        self._counters.decided(entries)
