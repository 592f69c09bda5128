"""What triage, the planner and the verifier do about tickets, with no effect but in the book."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from deploy.backtest.book import Book, Kept
from deploy.backtest.groups import MemoryGroups
from deploy.backtest.outcome import PLANNED, Outcome, Result, asking, digest, ruled
from deploy.backtest.version import Version
from services.ingest.correlation.release import SETTLING
from services.planner.finding import NO_RECORDS, TOLD, Finder, Successes, successes
from services.planner.plan import Planner
from services.planner.policy import Bench, Circumstances
from services.planner.query import query
from services.planner.undecided import Undecided
from services.triage.verdict import judged
from shared.events import (
    Change,
    Event,
    PlanReady,
    TicketClosed,
    TicketCreated,
    TicketEscalated,
    TicketReopened,
    TicketTriaged,
    TicketUpdated,
)
from shared.lifecycle import Effect, TicketState
from shared.policy.policy import Policy
from shared.policy.records.record import LastHour, Record
from shared.policy.ruling import Ruling
from shared.policy.terms import Mode, strictest
from shared.policy.terms import Outcome as Says
from shared.runbook import Library, match
from shared.runbook.matching import allows
from shared.runbook.search import Answer, Verdict
from shared.runbook.search.answer import judged as judged_hits

_HOUR: Final = timedelta(hours=1)
_TO_BE_JUDGED: Final = frozenset({TicketState.NEW, TicketState.REOPENED})
#: Records of runbooks by name and version, as they stand today.
Records = Mapping[tuple[str, str], Record]


@dataclass(frozen=True)
class _Planned:
    at: datetime
    runbook: str
    changes: tuple[str, ...]


class NotingFinder(Finder):
    """A search that notes which runbooks came into question the last time.

    Where no runbook's condition holds it does not search, which comes to the same: most of the time
    of a backtest would go into hits that their conditions rule out.
    """

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.found: tuple[str, ...] = ()
        # Of each condition one runbook: libraries have few different ones.
        by_condition = {one.content.match.when: one for one in library.runbooks}
        self._conditions = tuple(by_condition.values())

    def find(
        self, library: Library, ticket: TicketTriaged, records: Successes = NO_RECORDS
    ) -> Answer:
        if any(allows(one, ticket.alert, ticket.severity) for one in self._conditions):
            answer = super().find(library, ticket, records)
        else:
            answer = judged_hits(query(ticket.alert), (), limit=TOLD)
        self.found = () if answer.verdict is Verdict.NONE else answer.choices
        return answer


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
        self._library = version.library
        self._policy: Policy = version.policy
        self._finder = NotingFinder(version.library)
        self._planner = Planner(
            version.library, version.config.targets, version.config.prometheus, self._finder
        )
        self._successes = successes(version.library, records.values())
        self._bench = Bench(version.library, version.config.targets, version.approval_expires)
        self._book = book
        self._groups = groups
        self._now = now
        self._records = records
        self._recent: deque[_Planned] = deque()
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
        made = self._planner.conclude(ticket, self._successes)
        match made:
            case PlanReady():
                outcome = self._under_policy(kept, ticket, made)
                if outcome.result in PLANNED:
                    self._remember(made)
            case Undecided():
                outcome = self._which(kept, ticket, made)
            case TicketEscalated():
                outcome = self._unplanned(ticket, made)
        kept.state = TicketState.ESCALATED
        if outcome.result in PLANNED:
            kept.state = TicketState.PLANNED
        elif outcome.result is Result.UNDECIDED:
            kept.state = TicketState.TRIAGED
            self._choices.append((self._now() + self._bench.approval_expires, kept))
        self._note(kept, outcome)

    def _unplanned(self, ticket: TicketTriaged, made: TicketEscalated) -> Outcome:
        if ticket.flapping:
            return Outcome(ticket.alert, Result.FLAPPING, made.reason)
        named = match(self._library, ticket.alert, ticket.severity).matches
        found = [one.runbook.name for one in named] or self._finder.found
        if not found:
            return Outcome(ticket.alert, Result.NOTHING_FITS, made.reason)
        return Outcome(ticket.alert, Result.UNFILLED, made.reason, found[0])

    def _which(self, kept: Kept, ticket: TicketTriaged, made: Undecided) -> Outcome:
        """A question which runbook, unless the policy lets none of them run."""
        plans = (one.plan for one in made.tried if one.plan is not None)
        outcomes = [self._under_policy(kept, ticket, plan) for plan in plans]
        if any(one.result in PLANNED for one in outcomes):
            return Outcome(ticket.alert, Result.UNDECIDED, made.because)
        return outcomes[0]

    def expire(self) -> None:
        """Nobody chooses in a backtest: where a person was asked which runbook, time runs out."""
        while self._choices and self._choices[0][0] <= self._now():
            _, kept = self._choices.popleft()
            if kept.state is TicketState.TRIAGED and kept.parent_id is None:
                kept.state = TicketState.ESCALATED

    def _under_policy(self, kept: Kept, ticket: TicketTriaged, plan: PlanReady) -> Outcome:
        around = self._around(kept, plan)
        rulings = self._bench.rulings(ticket, plan, self._policy, around)
        concluded = self._bench.concluded(ticket, plan, rulings)
        if isinstance(concluded, PlanReady):
            plan = concluded
            result, because = asking(plan)
        else:
            result, because = _kept_from_running(rulings), concluded.reason
        return Outcome(
            alert=ticket.alert,
            result=result,
            because=because,
            runbook=plan.runbook.name,
            steps=ruled(plan, rulings),
            plan=digest(plan.steps),
        )

    def _around(self, kept: Kept, plan: PlanReady) -> Circumstances:
        name, version = plan.runbook.name, plan.runbook.version
        return Circumstances(
            now=self._now(),
            count=kept.count,
            record=self._records.get((name, version), Record(name, version)),
            last_hour=self._last_hour() if self._policy.asks_for_last_hour else None,
        )

    def _last_hour(self) -> LastHour:
        while self._recent and self._recent[0].at < self._now() - _HOUR:
            self._recent.popleft()
        on_target: dict[str, int] = {}
        of_runbook: dict[str, int] = {}
        for planned in self._recent:
            of_runbook[planned.runbook] = of_runbook.get(planned.runbook, 0) + 1
            for target in planned.changes:
                on_target[target] = on_target.get(target, 0) + 1
        return LastHour(on_target, of_runbook)

    def _remember(self, plan: PlanReady) -> None:
        if self._policy.asks_for_last_hour:
            changes = (step.target for step in plan.steps if step.effect is not Effect.READ_ONLY)
            self._recent.append(_Planned(self._now(), plan.runbook.name, tuple(changes)))

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


def _kept_from_running(rulings: tuple[Ruling, ...]) -> Result:
    if any(one.outcome is Says.DENY for one in rulings):
        return Result.DENIED
    mode = strictest(*(one.mode for one in rulings))
    return Result.OBSERVED if mode is Mode.OBSERVE else Result.SUGGESTED
