"""Who would be told of what an alert leads to, when, over what, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from deploy.explanation import Explained, Explainer
from services.notifier.channels.directory import Directory
from services.notifier.outcomes import routes as outcomes
from services.notifier.recipients import Recipient
from services.notifier.routing import timing
from services.notifier.routing.choosing import Chooser, Circle
from services.notifier.routing.matching import About, Asked, Matched, matched, outcome_route
from services.notifier.routing.timing import Stage
from shared.config import Config
from shared.config.channels import Kind
from shared.events import PlanChoiceNeeded, Step, StepAwaitingApproval
from shared.lifecycle import Risk
from shared.oncall.roster import Roster
from shared.policy.ruling import Ruling
from shared.policy.terms import Outcome
from shared.policy.voters import Voters, voters

_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Told:
    """A stage of a route, and whom it tells as things stand now."""

    stage: Stage
    people: tuple[Recipient, ...]


@dataclass(frozen=True)
class Routed:
    """One question that would be asked, its route, and what becomes of it if nobody answers."""

    about: str
    match: Matched
    told: tuple[Told, ...]
    expires_at: datetime


@dataclass(frozen=True)
class Router:
    """The routes, people and schedules of an installation, at a moment."""

    config: Config
    roster: Roster
    now: datetime

    def routed(self, explained: Explained, explainer: Explainer) -> Iterator[Routed]:
        """What would be asked about an alert, each question with whom it goes to."""
        if explained.becomes == "asked about":
            yield self._choice(explained, explainer)
        for step, ruling in explained.steps:
            if ruling.outcome is Outcome.REQUIRE and explained.becomes == "planned":
                yield self._step(step, ruling, explained, explainer)

    def outcomes(self, explained: Explained) -> Iterator[tuple[Kind, outcomes.Told]]:
        """Who would be told of what becomes of it; by channels where the route has no name."""
        targets = {step.target for step, _ in explained.steps} - {""}
        about = About(
            explained.severity,
            explained.alert.title,
            explained.alert,
            explained.runbook.split(" ")[0],
            targets.pop() if len(targets) == 1 else "",
        )
        routes, known = self.config.routes, self.config.targets
        for kind in Kind:
            route = outcome_route(routes, about, kind.value, self.now, known)
            told = outcomes.decided(
                route, self._chooser, self.roster, explained.severity, kind=kind, at=self.now
            )
            by_channels = self._chooser.directory.told(kind)
            yield kind, told or outcomes.Told(by_channels, self.now, "")

    @property
    def _chooser(self) -> Chooser:
        return Chooser(Directory(self.config.people, self.config.channels), self.config.teams)

    def _step(
        self, step: Step, ruling: Ruling, explained: Explained, explainer: Explainer
    ) -> Routed:
        expires_at = self.now + (ruling.expires or explainer.bench.approval_expires)
        name = explained.runbook.split(" ")[0]
        runbook = explainer.planner.library.get(name)
        requester = explained.alert.requested_by
        asked = StepAwaitingApproval(
            id=uuid4(),
            time=self.now,
            ticket_id=_NOBODY,
            session_id=_NOBODY,
            step_id=step.id,
            approval_id=_NOBODY,
            step_hash="",
            ticket_title=explained.alert.title,
            severity=explained.severity,
            runbook=name,
            runbook_labels=runbook.content.metadata.labels if runbook else {},
            title=step.title,
            connector=step.uses,
            target=step.target,
            command=step.run,
            risk=step.risk,
            why=step.why,
            required=ruling.required,
            who=ruling.who,
            alert=explained.alert,
            expires_at=expires_at,
        )
        whose = voters(
            ruling.who,
            requester=requester,
            not_requester=ruling.not_requester,
            co_requesters=explained.alert.co_requesters,
        )
        on = f" on {step.target}" if step.target else ""
        about = f"step {step.id}{on}: {' '.join(step.run.split())}"
        return self._routed(about, asked, whose, step.risk)

    def _choice(self, explained: Explained, explainer: Explainer) -> Routed:
        asked = PlanChoiceNeeded(
            id=uuid4(),
            time=self.now,
            ticket_id=_NOBODY,
            choice_id=_NOBODY,
            alert=explained.alert,
            severity=explained.severity,
            because=explained.because,
            options=(),
            expires_at=self.now + explainer.bench.approval_expires,
        )
        return self._routed("which runbook to use", asked, Voters(), None)

    def _routed(self, about: str, asked: Asked, whose: Voters, risk: Risk | None) -> Routed:
        match = matched(self.config.routes, asked, self.config.targets, self.now)
        question = timing.Question(asked.severity, risk, self.now, asked.expires_at)
        told = tuple(self._told(match, question, whose))
        return Routed(about, match, told, asked.expires_at)

    def _told(self, match: Matched, question: timing.Question, whose: Voters) -> Iterator[Told]:
        chooser = self._chooser
        before: tuple[Recipient, ...] = ()
        for stage in timing.stages(match.route, question):
            circle = Circle(whose, self.roster, question.asked_at, stage.at)
            people = chooser.chosen(stage, circle, route=match.route.name, told=before)
            before = (*before, *(one.as_sent() for one in people))
            yield Told(stage, people)
