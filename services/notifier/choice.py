"""A choice: between which runbooks somebody is asked to choose, and what they chose."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal, Self

from services.notifier.question import NotOffered, Question, Recorded, Refused, too_late
from services.notifier.recipients import Recipient
from shared.events import Choosing, Option, PlanChoiceNeeded, PlanChosen, Refusal
from shared.lifecycle import ApprovalState

#: How pages and commands say that somebody chooses no runbook and takes over. No runbook is called
#: so on a form: a name with capitals is none.
NONE: Final = "NONE"


class Choice(Question):
    """A request to choose one of several runbooks; one answer settles it.

    ``approved`` is that one was chosen, ``rejected`` that somebody takes over instead.
    """

    kind: Literal["choice"] = "choice"
    digest: str
    because: str
    options: tuple[Option, ...]
    decisions: tuple[Choosing, ...] = ()

    @classmethod
    def asked(
        cls,
        event: PlanChoiceNeeded,
        recipients: Iterable[Recipient],
        *,
        now: datetime,
        trace: str,
    ) -> Self:
        """What a planner needs to know; the terminal is asked where nobody else is."""
        return cls(
            id=event.choice_id,
            ticket_id=event.ticket_id,
            ticket_title=event.alert.title,
            severity=event.severity,
            digest=event.digest,
            because=event.because,
            options=event.options,
            recipients=tuple(recipients) or (Recipient.at_terminal(),),
            created_at=now,
            expires_at=event.expires_at,
            trace=trace,
        )

    @property
    def bound_to(self) -> str:
        return self.digest

    @property
    def answers(self) -> tuple[Choosing, ...]:
        return self.decisions

    @property
    def title(self) -> str:
        return "Which runbook?"

    @property
    def chosen(self) -> Option | None:
        """The runbook that somebody chose."""
        names = {said.runbook for said in self.decisions}
        return next((each for each in self.options if each.name in names), None)

    @property
    def usable(self) -> tuple[str, ...]:
        """The names that can be chosen."""
        return tuple(each.name for each in self.options if each.usable)

    def outcome(self, *, expiry: str = "") -> PlanChosen | None:
        """See ``Question``: what the planner has to hear."""
        said: dict[str, Any] = {
            "ticket_id": self.ticket_id,
            "choice_id": self.id,
            "digest": self.digest,
            "decisions": self.decisions,
            "time": self.settled_at,
        }
        match self.state:
            case ApprovalState.APPROVED:
                return PlanChosen.about(self.id, **said)
            case ApprovalState.REJECTED:
                return PlanChosen.about(self.id, refusal=Refusal.REJECTED, **said)
            case ApprovalState.EXPIRED:
                return PlanChosen.about(self.id, refusal=Refusal.EXPIRED, signature=expiry, **said)
            case ApprovalState.PENDING | ApprovalState.SUPERSEDED:
                return None


def choose(choice: Choice, said: Choosing, *, now: datetime) -> Recorded[Choice] | Refused:
    """What an answer comes to: the first one that can be used settles it."""
    late = too_late(choice, said, now=now)
    if late is not None:
        return late
    if said.runbook is not None and said.runbook not in choice.usable:
        return NotOffered(_why_not(choice, said.runbook))
    state = ApprovalState.REJECTED if said.runbook is None else ApprovalState.APPROVED
    update = {"decisions": (said,), "state": state, "settled_at": now}
    return Recorded(choice.model_copy(update=update))


def _why_not(choice: Choice, name: str) -> str:
    option = next((each for each in choice.options if each.name == name), None)
    if option is None:
        return f"there is no {name} to choose: say {', '.join(choice.usable)} or {NONE}"
    return f"{name} cannot be used: {'; '.join(option.hinders)}"
