"""What triage, the planner and the verifier do about tickets, with no effect but in the book."""

from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from deploy.backtest.book import Book, Kept
from deploy.backtest.groups import MemoryGroups
from deploy.backtest.outcome import PLANNED, Outcome, Result
from deploy.backtest.planning import Planning, Records
from deploy.backtest.version import Version
from services.ingest.correlation.release import SETTLING
from services.triage.verdict import judged
from shared.events import (
    Change,
    Event,
    TicketClosed,
    TicketCreated,
    TicketReopened,
    TicketTriaged,
    TicketUpdated,
)
from shared.lifecycle import TicketState

_TO_BE_JUDGED: Final = frozenset({TicketState.NEW, TicketState.REOPENED})


class Behind:
    """Takes in what ingest tells; ``outcomes`` are what tickets came to, by their tickets.

    ``counts`` says how many were opened, suppressed, reopened, and resolved by what their source
    said.

    No plan runs and none helps: a problem is there until its source says that it is gone.
    """

    def __init__(
        self,
        version: Version,
        book: Book,
        groups: MemoryGroups,
        now: Callable[[], datetime],
        records: Records,
    ) -> None:
        self._planning = Planning(version, records)
        self._approval_expires = version.approval_expires
        self._book = book
        self._groups = groups
        self._now = now
        self._choices: deque[tuple[datetime, Kept]] = deque()
        self.outcomes: list[tuple[Kept, Outcome]] = []
        self.counts: Counter[str] = Counter()

    async def publish(self, *events: Event) -> None:
        """What the services would do about these events, in their order."""
        for event in events:
            match event:
                case TicketCreated():
                    self.counts["opened"] += 1
                    self._judge(event, flapping=False)
                case TicketClosed():
                    # Ingest closes only what a window suppresses, right after it was created.
                    self.counts["opened"] -= 1
                    self.counts["suppressed"] += 1
                case TicketReopened():
                    self.counts["reopened"] += 1
                    self._groups.remember(self._book.by_id[event.ticket_id])
                    self._judge(event, flapping=event.flapping)
                case TicketUpdated(change=Change.RESOLVED_AT_SOURCE):
                    self._resolve(self._book.by_id[event.ticket_id])

    def expire(self) -> None:
        """Nobody chooses in a backtest: where a person was asked which runbook, time runs out."""
        while self._choices and self._choices[0][0] <= self._now():
            _, kept = self._choices.popleft()
            if kept.state is TicketState.TRIAGED and kept.parent_id is None:
                kept.state = TicketState.ESCALATED

    def _judge(self, event: TicketCreated | TicketReopened, *, flapping: bool) -> None:
        kept = self._book.by_id[event.ticket_id]
        if kept.state not in _TO_BE_JUDGED:
            return
        judgement = judged(event.alert)
        kept.verdict = judgement.verdict
        if judgement.closes:
            kept.state, kept.closed_at = TicketState.CLOSED, self._now()
            self._ended(kept)
            because = judgement.reasons[0]
            self._note(kept, Outcome(event.alert, Result.CLOSED_AS_FALSE, because))
            return
        kept.state = TicketState.TRIAGED
        if kept.parent_id is None:
            self._plan(
                kept,
                TicketTriaged.following(
                    event,
                    alert=event.alert,
                    verdict=judgement.verdict,
                    confidence=judgement.confidence,
                    severity=judgement.severity,
                    reasons=judgement.reasons,
                    flapping=flapping,
                ),
            )

    def _plan(self, kept: Kept, ticket: TicketTriaged) -> None:
        outcome = self._planning.outcome(ticket, kept.count, self._now())
        kept.state = TicketState.ESCALATED
        if outcome.result in PLANNED:
            kept.state = TicketState.PLANNED
        elif outcome.result is Result.UNDECIDED:
            kept.state = TicketState.TRIAGED
            self._choices.append((self._now() + self._approval_expires, kept))
        self._note(kept, outcome)

    def _resolve(self, kept: Kept) -> None:
        """A plan under way is called off where its source says so: here nothing was changed yet."""
        if kept.ended or kept.source_resolved_at is None:
            return
        kept.state, kept.resolved_at = TicketState.RESOLVED, self._now()
        self.counts["resolved_at_source"] += 1
        self._ended(kept)

    def _ended(self, kept: Kept) -> None:
        if kept.led_at is not None:
            self._book.watch(kept, self._now() + SETTLING)

    def _note(self, kept: Kept, outcome: Outcome) -> None:
        self.outcomes.append((kept, outcome))
