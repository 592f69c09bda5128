"""Gathers evidence about an alert: all looks at once, each within its time, none in the way."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter

from services.triage.asking import described, rendered, wanted
from services.triage.evidence import Gathered, Seen, gathered, spoken
from services.triage.looks.answer import Answer
from shared.config.evidence import AnyLook, CommandLook, EvidenceConfig
from shared.durations import spoken as duration_spoken
from shared.errors import HandrailError
from shared.events import Alert
from shared.events.evidence import Look

log = structlog.get_logger(__name__)

#: Of all tickets together, so that a storm of alerts is none of commands and queries.
AT_ONCE: Final = 32
#: What a target may take beyond a command's own time to say how it went.
GRACE: Final = timedelta(seconds=1.5)
_SHOWN: Final = 300


class Ways(Protocol):
    """See ``looks.Looks``."""

    async def look(self, look: AnyLook) -> Answer: ...


class Gatherer:
    """Looks at what ``handrail.yaml`` says.

    Args:
        config: what is looked at, and how long that may take.
        ways: how.
        mask: takes secrets out of what is told of the looks.
        now: the clock.
        registry: where looks are counted.
    """

    def __init__(
        self,
        config: EvidenceConfig,
        ways: Ways,
        mask: Callable[[str], str],
        now: Callable[[], datetime],
        registry: CollectorRegistry,
    ) -> None:
        self._config = config
        self._ways = ways
        self._mask = mask
        self._now = now
        self._places = asyncio.Semaphore(AT_ONCE)
        self._looks = Counter(
            "handrail_evidence_looks",
            "Looks before verdicts.",
            ["look", "found"],
            registry=registry,
        )

    def wanted(self, alert: Alert) -> tuple[AnyLook, ...]:
        """The looks that are for an alert."""
        return wanted(self._config, alert)

    async def gather(self, looks: Sequence[AnyLook], alert: Alert) -> Gathered:
        """What the looks find; what cannot be had is told with its reason, and never raised."""
        end = asyncio.get_running_loop().time() + self._config.within.total_seconds()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._seen(look, alert, end)) for look in looks]
        found = gathered([task.result() for task in tasks])
        log.info("evidence.gathered", asked=len(looks), found=len(found.values))
        return found

    async def _seen(self, look: AnyLook, alert: Alert, end: float) -> Seen:
        at, began = self._now(), monotonic()
        asked, answer, problem = look, None, ""
        try:
            asked = rendered(look, alert)
            answer = await self._in_time(asked, end)
        except HandrailError as error:
            problem = self._told(str(error))
        self._looks.labels(look.name, "no" if answer is None else "yes").inc()
        return Seen(
            look,
            Look(
                name=look.name,
                asked=self._told(described(asked)),
                found=None if answer is None else self._told(spoken(answer.value)),
                problem=problem,
                detail="" if answer is None else self._told(answer.detail),
                at=at,
                took=timedelta(seconds=round(monotonic() - began, 3)),
            ),
            None if answer is None else answer.value,
        )

    async def _in_time(self, look: AnyLook, end: float) -> Answer:
        """Make a look when there is a place for it.

        Raises:
            HandrailError: it failed, or its time or that of all looks was up.
        """
        try:
            async with asyncio.timeout_at(end) as all_looks, self._places:
                async with asyncio.timeout(_limit(look).total_seconds()):
                    return await self._ways.look(look)
        except TimeoutError:
            within, which = look.timeout, ""
            if all_looks.expired():
                within, which = self._config.within, ", which is for all looks together"
            raise LateError(f"no answer within {duration_spoken(within)}{which}") from None

    def _told(self, text: str) -> str:
        line = " ".join("".join(c if c.isprintable() else " " for c in self._mask(text)).split())
        return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _limit(look: AnyLook) -> timedelta:
    """A command's time is kept at its target, which says better what went wrong."""
    return look.timeout + GRACE if isinstance(look, CommandLook) else look.timeout


class LateError(HandrailError):
    """A look took longer than it may."""
