"""What the planner and the policy make of a ticket; nothing is asked and nothing runs."""

from collections.abc import Mapping
from datetime import datetime

from deploy.backtest.finding import NotingFinder
from deploy.backtest.lasthour import Recent
from deploy.backtest.outcome import PLANNED, Outcome, Result, asking, digest, ruled
from deploy.backtest.version import Version
from services.planner.finding import successes
from services.planner.plan import Planner
from services.planner.policy import Bench, Circumstances
from services.planner.undecided import Undecided
from shared.events import PlanReady, TicketEscalated, TicketTriaged
from shared.policy.policy import Policy
from shared.policy.records.record import Record
from shared.policy.ruling import Ruling
from shared.policy.terms import Mode, strictest
from shared.policy.terms import Outcome as Says
from shared.runbook import match

#: Records of runbooks by name and version, as they stand today.
Records = Mapping[tuple[str, str], Record]


class Planning:
    """Plans tickets of one version, and remembers the plans for the caps of its policy."""

    def __init__(self, version: Version, records: Records) -> None:
        self._library = version.library
        self._policy: Policy = version.policy
        self._finder = NotingFinder(version)
        self._planner = Planner(
            version.library, version.config.targets, version.config.prometheus, self._finder
        )
        self._bench = Bench(version.library, version.config.targets, version.approval_expires)
        self._records = records
        self._successes = successes(version.library, records.values())
        self._recent = Recent()

    def outcome(self, ticket: TicketTriaged, count: int, now: datetime) -> Outcome:
        """What a ticket comes to that has so many alerts."""
        match self._planner.conclude(ticket, self._successes):
            case PlanReady() as plan:
                outcome = self._under_policy(ticket, plan, count, now)
                if outcome.result in PLANNED and self._policy.asks_for_last_hour:
                    self._recent.add(plan, now)
                return outcome
            case Undecided() as made:
                return self._which(ticket, made, count, now)
            case TicketEscalated() as made:
                return self._unplanned(ticket, made)

    def _unplanned(self, ticket: TicketTriaged, made: TicketEscalated) -> Outcome:
        if ticket.flapping:
            return Outcome(ticket.alert, Result.FLAPPING, made.reason)
        named = match(self._library, ticket.alert, ticket.severity).matches
        found = [one.runbook.name for one in named] or self._finder.found
        if not found:
            return Outcome(ticket.alert, Result.NOTHING_FITS, made.reason)
        return Outcome(ticket.alert, Result.UNFILLED, made.reason, found[0])

    def _which(self, ticket: TicketTriaged, made: Undecided, count: int, now: datetime) -> Outcome:
        """A question which runbook, unless the policy lets none of them run."""
        plans = (one.plan for one in made.tried if one.plan is not None)
        outcomes = [self._under_policy(ticket, plan, count, now) for plan in plans]
        if any(one.result in PLANNED for one in outcomes):
            return Outcome(ticket.alert, Result.UNDECIDED, made.because)
        return outcomes[0]

    def _under_policy(
        self, ticket: TicketTriaged, plan: PlanReady, count: int, now: datetime
    ) -> Outcome:
        around = self._around(plan, count, now)
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

    def _around(self, plan: PlanReady, count: int, now: datetime) -> Circumstances:
        name, version = plan.runbook.name, plan.runbook.version
        return Circumstances(
            now=now,
            count=count,
            record=self._records.get((name, version), Record(name, version)),
            last_hour=self._recent.before(now) if self._policy.asks_for_last_hour else None,
        )


def _kept_from_running(rulings: tuple[Ruling, ...]) -> Result:
    if any(one.outcome is Says.DENY for one in rulings):
        return Result.DENIED
    mode = strictest(*(one.mode for one in rulings))
    return Result.OBSERVED if mode is Mode.OBSERVE else Result.SUGGESTED
