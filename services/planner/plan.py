"""What to do about a ticket: a plan, or why a person has to take over."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from services.planner.policy import by_risk
from shared.config import PrometheusServer, Target
from shared.events import (
    Check,
    CommandCheck,
    PlanReady,
    PrometheusCheck,
    Step,
    TicketEscalated,
    TicketTriaged,
)
from shared.runbook import (
    Candidate,
    Library,
    Ranking,
    UnfilledError,
    UnrenderedError,
    draft,
    match,
)

Conclusion = PlanReady | TicketEscalated

# More reasons than this are no help to somebody who reads them on a phone.
_SHOWN: Final = 5


@dataclass(frozen=True)
class Planner:
    """Makes plans from runbooks, for the targets and Prometheus servers that are declared."""

    library: Library
    targets: Mapping[str, Target]
    prometheus: Mapping[str, PrometheusServer]

    def conclude(self, ticket: TicketTriaged) -> Conclusion:
        """A plan from the best runbook that can make one, or an escalation that says why not.

        Whether it may run is for the policy to say (see ``judging.Judge``). The ids of the event
        and of the session derive from the ticket's event.
        """
        if ticket.flapping:
            return _escalated(ticket, "it comes and goes: what a plan mends would not stay so", ())
        ranking = match(self.library, ticket.alert, ticket.severity)
        if not ranking.matches:
            return _nothing_matches(ticket, ranking)
        obstacles: list[str] = []
        for candidate in ranking.matches:
            made = self._plan(ticket, candidate, obstacles)
            if isinstance(made, PlanReady):
                return made
            obstacles += [f"{candidate.runbook.name}: {obstacle}" for obstacle in made]
        return _cannot(ticket, ranking.matches[0], obstacles)

    def _plan(
        self, ticket: TicketTriaged, candidate: Candidate, before: Iterable[str]
    ) -> PlanReady | list[str]:
        """The plan of one runbook, or everything that stands in its way."""
        try:
            made = self.drafted(ticket, candidate, before)
        except UnfilledError as error:
            return [str(unfilled) for unfilled in error.unfilled]
        except UnrenderedError as error:
            return [str(error)]
        obstacles = list(dict.fromkeys(self.obstacles(made.steps, made.verify)))
        return obstacles or made

    def drafted(
        self, ticket: TicketTriaged, candidate: Candidate, before: Iterable[str] = ()
    ) -> PlanReady:
        """The plan of one runbook, whether or not it can be carried out here.

        Raises:
            UnfilledError: the ticket does not have what the runbook needs.
            UnrenderedError: a value cannot be put where it should.
        """
        runbook, alert = candidate.runbook, ticket.alert
        made = draft(runbook, alert, ticket.severity, approve=by_risk, evidence=ticket.evidence)
        return PlanReady.following(
            ticket,
            session_id=session_id(ticket.id),
            alert=alert,
            severity=ticket.severity,
            runbook=runbook.ref,
            reasons=(*candidate.reasons, *(f"not {obstacle}" for obstacle in before)),
            params=made.params,
            values=made.values,
            steps=made.steps,
            verify=made.verify,
        )

    def obstacles(self, steps: Iterable[Step], verify: Iterable[Check]) -> Iterator[str]:
        """What keeps steps and checks from being run as this installation is set up."""
        for step in steps:
            written = step.late is None or "target" not in step.late.templates
            if written and not step.is_group:
                yield from self._target_obstacle(step.target, step.uses, f"step {step.id}")
        for position, check in enumerate(verify, 1):
            match check:
                case CommandCheck(target=target, uses=uses):
                    yield from self._target_obstacle(target, uses, f"verify {position}")
                case PrometheusCheck(server=server):
                    yield from self._server_obstacle(server, f"verify {position}")

    def _target_obstacle(self, name: str, uses: str, where: str) -> Iterator[str]:
        target = self.targets.get(name)
        if target is None:
            known = ", ".join(sorted(self.targets)) or "none"
            yield f"{where}: handrail.yaml declares no target {name} (targets: {known})"
        elif target.connector != uses:
            yield f"{where}: target {name} is reached by {target.connector}, the step uses {uses}"

    def _server_obstacle(self, name: str | None, where: str) -> Iterator[str]:
        if not self.prometheus:
            yield f"{where}: handrail.yaml declares no prometheus server to ask"
        elif name is not None and name not in self.prometheus:
            yield f"{where}: handrail.yaml declares no prometheus server {name}"


def session_id(cause: UUID) -> UUID:
    """The session that an event leads to; the same however often the event comes."""
    return uuid5(cause, "session")


def _nothing_matches(ticket: TicketTriaged, ranking: Ranking) -> TicketEscalated:
    if not ranking.others:
        return _escalated(ticket, "there are no runbooks", ())
    # One whose name fits and whose condition does not is nearer than all the others.
    near = sorted(ranking.others, key=lambda candidate: candidate.rank)[:_SHOWN]
    why = tuple(f"{one.runbook.name}: {', but '.join(one.reasons)}" for one in near)
    return _escalated(ticket, f"no runbook applies to the alert {ticket.alert.name}", why)


def _cannot(ticket: TicketTriaged, best: Candidate, obstacles: list[str]) -> TicketEscalated:
    more = f" (and {len(obstacles) - 1} more)" if len(obstacles) > 1 else ""
    name = f"the runbook {best.runbook.name} is for this alert and cannot be used"
    first = obstacles[0].removeprefix(f"{best.runbook.name}: ")
    return _escalated(ticket, f"{name}: {first}{more}", tuple(obstacles))


def _escalated(ticket: TicketTriaged, reason: str, tried: tuple[str, ...]) -> TicketEscalated:
    return TicketEscalated.following(ticket, title=ticket.alert.title, reason=reason, tried=tried)
