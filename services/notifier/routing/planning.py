"""What a round of a question does: whom it tells, and when to look again; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.inadvance.beside import StandIns
from services.notifier.inquiry import Inquiry
from services.notifier.question import Q, Question, Said
from services.notifier.recipients import Recipient
from services.notifier.routing import timing
from services.notifier.routing.choosing import Chooser, Circle
from services.notifier.routing.matching import Matched
from services.notifier.routing.state import Routing
from services.notifier.routing.timing import Stage
from shared.events import Decision
from shared.lifecycle import Risk
from shared.oncall.roster import Roster
from shared.policy.voters import Voters


@dataclass(frozen=True)
class Plan:
    """A round: the stages that are done with it, whom it tells, and when to look again."""

    stages: tuple[Stage, ...]
    done: tuple[str, ...]
    more: tuple[Recipient, ...]
    next_at: datetime | None


@dataclass(frozen=True)
class Planner:
    """Plans rounds for everybody in handrail.yaml."""

    chooser: Chooser
    stand_ins: StandIns | None = None

    def asked(self, question: Q, match: Matched, roster: Roster, *, owner: str) -> Q:
        """A new question with its route, claimed by ``owner``, and with whom it tells at once."""
        now = question.created_at
        about = timing.Question(question.severity, risk_of(question), now, question.expires_at)
        routing = Routing.begun(match.route, about, owner=owner, now=now)
        plan = self.plan(question, routing, roster, now)
        if now >= question.expires_at:
            # Nobody is told any more, and who is not told is told to the other services.
            first = timing.stages(match.route, about)[:1]
            more = self._chosen(first, question, routing, roster, now, told=())
            plan = replace(plan, done=(first[0].key,), more=more)
        routing = routing.model_copy(update={"done": plan.done})
        return question.model_copy(update={"routing": routing, "recipients": plan.more})

    def plan(
        self,
        question: Question,
        routing: Routing,
        roster: Roster,
        now: datetime,
        *,
        told: Sequence[Recipient] = (),
    ) -> Plan:
        """What is to be done now of a question, which ``told`` were told of before.

        Who is not reached by a message is told over other channels of their own. Where nobody is
        left who was reached, the next stage comes at once, and after the last one everybody else.
        """
        about = routing.question(question.severity, question.created_at, question.expires_at)
        circle = _circle(question, roster, now)
        instead = self.chooser.instead(told, circle) if now < question.expires_at else ()
        unreached = bool(told) and not self.chooser.reaches((*told, *instead), circle)
        due = timing.due(routing.route, about, routing.done, now, unreached=unreached)
        done = (*(stage.key for stage in due.stages), *due.skipped)
        before = (*told, *instead)
        more = self._chosen(due.stages, question, routing, roster, now, told=before)
        if unreached and not timing.others_left(routing.route, about, routing.done):
            more = (*more, *self.chooser.others((*before, *more), circle))
        return Plan(due.stages, done, (*instead, *more), due.next_at)

    def _chosen(
        self,
        stages: Iterable[Stage],
        question: Question,
        routing: Routing,
        roster: Roster,
        now: datetime,
        *,
        told: Sequence[Recipient],
    ) -> tuple[Recipient, ...]:
        circle = _circle(question, roster, now)
        answered = {who.casefold() for said in question.answers for who in _people(said)}
        chosen: tuple[Recipient, ...] = ()
        for stage in stages:
            chosen += self.chooser.chosen(
                stage, circle, route=routing.route.name, told=(*told, *chosen), answered=answered
            )
        if self.stand_ins is not None and isinstance(question, Approval):
            chosen += self.stand_ins.beside(question, chosen, told, now)
        return chosen


def _people(said: Said) -> tuple[str, ...]:
    """Who said it, and in whose place."""
    return (said.by, said.behalf) if isinstance(said, Decision) else (said.by,)


def _circle(question: Question, roster: Roster, now: datetime) -> Circle:
    """Whose answer counts, and how it can be given."""
    voters = question.voters if isinstance(question, Approval | Inquiry) else Voters()
    form = isinstance(question, Inquiry) and question.picks is None
    return Circle(voters, roster, question.created_at, now, by_page=form)


def risk_of(question: Question) -> Risk | None:
    """How dangerous the most dangerous thing is that an answer may lead to."""
    match question:
        case Approval():
            return question.risk
        case Choice():
            risks = [option.risk for option in question.options if option.risk is not None]
            return max(risks, key=list(Risk).index, default=None)
    return None
