"""What to do about a ticket: a plan, or why a person has to take over."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from types import MappingProxyType
from typing import Final, TypeVar
from uuid import UUID, uuid5

from pydantic import BaseModel

from services.planner.finding import NO_RECORDS, Finder, Successes
from services.planner.policy import by_risk
from services.planner.undecided import Tried, Undecided
from shared.calls.families import WITHOUT_TARGET
from shared.config import PrometheusServer, Target
from shared.config.targets import reaches
from shared.events import (
    Check,
    CommandCheck,
    FoundBy,
    PlanReady,
    PrometheusCheck,
    SqlCheck,
    Step,
    TicketEscalated,
    TicketTriaged,
)
from shared.runbook import (
    Candidate,
    Library,
    UnfilledError,
    UnrenderedError,
    draft,
    match,
)
from shared.runbook.matching import FOUND
from shared.runbook.search import Answer, Hit, Verdict
from shared.runbook.search.answer import FITS
from shared.targets.allowing import forbidden
from shared.targets.resolving import UnresolvedTargetError, resolved

P = TypeVar("P", bound=BaseModel)
NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})

Conclusion = PlanReady | TicketEscalated

NOTHING: Final[Mapping[str, str]] = {}
# More reasons than this are no help to somebody who reads them on a phone.
_SHOWN: Final = 5


@dataclass(frozen=True)
class Planner:
    """Makes plans from runbooks, for the targets and Prometheus servers that are declared."""

    library: Library
    targets: Mapping[str, Target]
    prometheus: Mapping[str, PrometheusServer]
    finder: Finder = field(default_factory=Finder)

    def conclude(
        self, ticket: TicketTriaged, records: Successes = NO_RECORDS
    ) -> Conclusion | Undecided:
        """A plan from the best runbook that can make one, a question which, or why there is none.

        Rules of runbooks go before the search. Whether a plan may run is for the policy to say (see
        ``judging.Judge``). The ids of events and of the session derive from the ticket's event.
        """
        by_rules = self.by_rules(ticket)
        return self.by_search(ticket, records) if by_rules is None else by_rules

    def by_rules(self, ticket: TicketTriaged) -> Conclusion | Undecided | None:
        """What the runbooks come to that say they are for this alert; None where none does."""
        if ticket.flapping:
            why = "it comes and goes: what a plan mends would not stay so"
            return _escalated(ticket, why, ())
        matches = match(self.library, ticket.alert, ticket.severity).matches
        if not matches:
            return None
        obstacles: list[str] = []
        for equals in _equals(matches):
            tried = tuple(self._tried(ticket, candidate) for candidate in equals)
            usable = [one for one in tried if one.plan is not None]
            if len(usable) > 1:
                return Undecided(_as_well(usable), FoundBy.RULE, tried)
            obstacles += [obstacle for one in tried for obstacle in one.obstacles]
            for one in usable:
                return _after(one, obstacles)
        return _cannot(ticket, matches[0], obstacles)

    def by_search(
        self, ticket: TicketTriaged, records: Successes = NO_RECORDS
    ) -> Conclusion | Undecided:
        """What the search comes to, where no runbook says that it is for this alert."""
        answer = self.finder.find(self.library, ticket, records)
        if answer.verdict is Verdict.NONE:
            return self._nothing_fits(ticket, answer)
        tried = tuple(
            self._tried(ticket, self._found(ticket, hit), FoundBy.SEARCH)
            for hit in answer.hits
            if hit.name in answer.choices
        )
        obstacles = [obstacle for one in tried for obstacle in one.obstacles]
        if all(one.plan is None for one in tried):
            return _cannot(ticket, tried[0].candidate, obstacles)
        if answer.verdict is Verdict.CLEAR and tried[0].plan is not None:
            return tried[0].plan
        return Undecided(answer.because, FoundBy.SEARCH, tried)

    def _found(self, ticket: TicketTriaged, hit: Hit) -> Candidate:
        """A hit beside the ones that rules find; it is in the library that was searched."""
        (runbook,) = (one for one in self.library.runbooks if one.name == hit.name)
        reasons = (f"no rule names the alert {ticket.alert.name}; the search found it", *hit.why)
        return Candidate(runbook, matched=True, reasons=reasons, rank=FOUND)

    def _tried(
        self, ticket: TicketTriaged, candidate: Candidate, found_by: FoundBy = FoundBy.RULE
    ) -> Tried:
        """The plan of one runbook, or everything that stands in its way."""
        try:
            made = self.drafted(ticket, candidate, found_by)
        except UnfilledError as error:
            return Tried(candidate, hinders=tuple(map(str, error.unfilled)))
        except UnrenderedError as error:
            return Tried(candidate, hinders=(str(error),))
        found = self.obstacles(made.steps, made.verify, ticket.alert.labels)
        hinders = tuple(dict.fromkeys(found))
        return Tried(candidate, None if hinders else made, hinders)

    def drafted(
        self,
        ticket: TicketTriaged,
        candidate: Candidate,
        found_by: FoundBy = FoundBy.RULE,
        *,
        given: Mapping[str, str] = NOTHING,
    ) -> PlanReady:
        """The plan of one runbook, whether or not it can be carried out here.

        ``given`` are parameters that a person said, which go before what the ticket has.

        Raises:
            UnfilledError: the ticket does not have what the runbook needs.
            UnrenderedError: a value cannot be put where it should.
        """
        runbook, alert = candidate.runbook, ticket.alert
        made = draft(
            runbook,
            alert,
            ticket.severity,
            approve=by_risk,
            evidence=ticket.evidence,
            given=given,
        )
        return PlanReady.following(
            ticket,
            session_id=session_id(ticket.id),
            alert=alert,
            severity=ticket.severity,
            runbook=runbook.ref,
            reasons=(*candidate.reasons, *(look.line for look in ticket.looked)),
            found_by=found_by,
            params=made.params,
            values=made.values,
            origins=made.origins,
            evidence=ticket.evidence,
            steps=tuple(self._placed(step, alert.labels) for step in made.steps),
            verify=tuple(self._placed(check, alert.labels) for check in made.verify),
            timeout=made.timeout,
        )

    def _placed(self, one: P, labels: Mapping[str, str]) -> P:
        """A step or a check on the declared target that it means, where there is one."""
        named = getattr(one, "target", None)
        if not named or _is_written_later(one):
            return one
        try:
            meant = resolved(named, self.targets, labels)
        except UnresolvedTargetError:
            # An obstacle, which says why.
            return one
        return one if meant == named else one.model_copy(update={"target": meant})

    def obstacles(
        self,
        steps: Iterable[Step],
        verify: Iterable[Check],
        labels: Mapping[str, str] = NO_LABELS,
    ) -> Iterator[str]:
        """What keeps steps and checks from being run as this installation is set up.

        ``labels`` are those of the alert, which may say what a target is called.
        """
        for step in steps:
            if _is_written_later(step) or step.is_group or step.uses in WITHOUT_TARGET:
                continue
            where = f"step {step.id}"
            yield from self._target_obstacle(step.target, step.uses, where, labels)
            declared = self.targets.get(step.target)
            if declared is not None and (reason := forbidden(step, declared)):
                yield f"{where}: target {step.target}: {reason}"
        for position, check in enumerate(verify, 1):
            match check:
                case CommandCheck(target=target, uses=uses) | SqlCheck(target=target, uses=uses):
                    yield from self._target_obstacle(target, uses, f"verify {position}", labels)
                case PrometheusCheck(server=server):
                    yield from self._server_obstacle(server, f"verify {position}")

    def _target_obstacle(
        self, named: str, uses: str, where: str, labels: Mapping[str, str]
    ) -> Iterator[str]:
        try:
            name = resolved(named, self.targets, labels)
        except UnresolvedTargetError as error:
            yield f"{where}: {error}"
            return
        reached = self.targets[name].connector
        if not reaches(uses, reached):
            yield f"{where}: target {name} is reached by {reached}, the step uses {uses}"

    def _server_obstacle(self, name: str | None, where: str) -> Iterator[str]:
        if not self.prometheus:
            yield f"{where}: handrail.yaml declares no prometheus server to ask"
        elif name is not None and name not in self.prometheus:
            yield f"{where}: handrail.yaml declares no prometheus server {name}"

    def _nothing_fits(self, ticket: TicketTriaged, answer: Answer) -> TicketEscalated:
        """With the runbooks whose name fits and whose condition does not, and the nearest hits."""
        if not self.library.runbooks:
            return _escalated(ticket, "there are no runbooks", ())
        others = match(self.library, ticket.alert, ticket.severity).others
        named = sorted((one for one in others if one.named), key=lambda one: one.rank)
        near = [f"{one.runbook.name}: {', but '.join(one.reasons)}" for one in named]
        near += [
            f"{hit.name}: fits {hit.fit:.2f}, at least {FITS} is asked for ({'; '.join(hit.why)})"
            for hit in answer.hits
        ]
        name = ticket.alert.name
        reason = f"no runbook applies to the alert {name}, and none fits: {answer.because}"
        return _escalated(ticket, reason, tuple(near[:_SHOWN]))


def _is_written_later(one: BaseModel) -> bool:
    return isinstance(one, Step) and one.late is not None and "target" in one.late.templates


def session_id(cause: UUID) -> UUID:
    """The session that an event leads to; the same however often the event comes."""
    return uuid5(cause, "session")


def _equals(matches: tuple[Candidate, ...]) -> Iterator[tuple[Candidate, ...]]:
    """The candidates in their order, those together that match equally well."""
    rest = matches
    while rest:
        together = tuple(takewhile(rest[0].equals, rest))
        yield together
        rest = rest[len(together) :]


def _as_well(usable: Sequence[Tried]) -> str:
    names = ", ".join(one.name for one in usable)
    return f"the rules of {len(usable)} runbooks name the alert as exactly: {names}"


def _after(tried: Tried, obstacles: Iterable[str]) -> PlanReady:
    """The plan, with why those before it made none."""
    if tried.plan is None:
        raise ValueError(f"{tried.name} made no plan")
    reasons = (*tried.plan.reasons, *(f"not {obstacle}" for obstacle in obstacles))
    return tried.plan.model_copy(update={"reasons": reasons})


def _cannot(ticket: TicketTriaged, best: Candidate, obstacles: list[str]) -> TicketEscalated:
    more = f" (and {len(obstacles) - 1} more)" if len(obstacles) > 1 else ""
    found = "is" if best.named else "was found"
    name = f"the runbook {best.runbook.name} {found} for this alert and cannot be used"
    first = obstacles[0].removeprefix(f"{best.runbook.name}: ")
    return _escalated(ticket, f"{name}: {first}{more}", tuple(obstacles))


def _escalated(ticket: TicketTriaged, reason: str, tried: tuple[str, ...]) -> TicketEscalated:
    return TicketEscalated.following(ticket, title=ticket.alert.title, reason=reason, tried=tried)
