"""What people allowed in advance: which of it is a yes to a step that is about to begin."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from services.executor.admission.rehearsal import must_be_seen
from services.executor.session import Session
from shared.calls.families import WITHOUT_TARGET
from shared.events import Answer, ApprovalRule, Decision, FoundBy, Step, Window
from shared.lifecycle import ApprovalState, Risk
from shared.policy.quorum import quorum
from shared.policy.voters import EVERYBODY, OnCall, different
from shared.signing import Signer

log = structlog.get_logger(__name__)

#: The channel of what is said at a terminal, where nobody has an address.
_TERMINAL: Final = "terminal"


class Standing(Protocol):
    """See ``shared.standing.live.LiveStanding``."""

    def windows(self, runbook: str, at: datetime) -> list[Window]: ...


class Uses(Protocol):
    """See ``shared.standing.store.MongoStanding``."""

    async def use(self, window: Window, key: str, *, at: datetime) -> int | None: ...


class Rosters(Protocol):
    """See ``shared.oncall.keeping.Rosters``."""

    async def roster(self) -> OnCall: ...


def may_be_allowed(session: Session, step: Step) -> bool:
    """Whether such a step may be allowed in advance at all.

    Never what could break most, nor what the search found: nobody meant it for this alert. What
    takes a step back is agreed to with the step, and a form is no command. Nor a plan that people
    have to see, nor what is tried again: somebody may have written another command for it. Nor what
    somebody wanted to have other values, or took a yes back from: people are asked about that.
    """
    run = session.run(step.id)
    return (
        step.risk is not Risk.CRITICAL
        and session.found_by is not FoundBy.SEARCH
        and step.undoes is None
        and step.uses not in WITHOUT_TARGET
        and not must_be_seen(step)
        and session.retry_of is None
        and run.change is None
        # Also once people were asked anew, and the reason for that is no longer noted.
        and run.taken_back is None
        and not run.again
    )


def covers(window: Window, session: Session, step: Step) -> bool:
    """Whether a window is about this step, as it is now."""
    return may_be_allowed(session, step) and window.covers(
        runbook=session.runbook.name,
        version=session.runbook.seal,
        risk=step.risk,
        target=step.target,
    )


@dataclass(frozen=True)
class Given:
    """What people said in advance to one step, each as a yes that is given now."""

    said: tuple[Decision, ...] = ()
    on_call: OnCall = EVERYBODY

    def suffices(self, rule: ApprovalRule, session: Session) -> bool:
        """Whether nobody has to be asked any more."""
        if not self.said:
            return False
        standing = quorum(rule, requester=session.requester).standing(
            self.said, since=self.said[0].at, on_call=self.on_call
        )
        return standing.state is ApprovalState.APPROVED


#: Where nobody said anything.
NONE: Final = Given()


@dataclass
class InAdvance:
    """Finds and counts; ``people`` are the addresses under ``people``, in small letters."""

    standing: Standing
    uses: Uses
    signer: Signer
    rosters: Rosters
    people: Collection[str]
    now: Callable[[], datetime]

    async def found(self, session: Session, step: Step, rule: ApprovalRule) -> Given:
        """A yes of each person who allowed this step, not counted and not signed yet.

        Asks nobody where no window of the runbook stands, which is the usual case.

        Raises:
            UnavailableError: nobody knows who is on call.
        """
        now = self.now()
        windows = self.standing.windows(session.runbook.name, now)
        meant = [one for one in windows if self._is_known(one) and covers(one, session, step)]
        if not meant:
            return NONE
        on_call = await self.rosters.roster()
        whose = quorum(rule, requester=session.requester).voters
        said = [_yes(window, now) for window in meant]
        counts = (one for one in said if not whose.against(one, on_call=on_call, since=now))
        return Given(different(counts), on_call)

    async def counted(self, session: Session, step: Step, given: Given) -> Given:
        """Those that may be made use of once more, counted and signed for this request.

        Each with its place among the answers: these are the first ones.

        The same step is counted once, however often it is asked about.

        Raises:
            UnavailableError: the store does not answer.
        """
        digest, approval_id = step.digest(session.id), session.approval_id(step)
        taken: list[Decision] = []
        for said in given.said:
            if said.window is None:
                continue
            key = f"{session.id}/{step.id}/{digest}"
            number = await self.uses.use(said.window, key, at=said.at)
            if number is not None:
                log.info("window.used", window_id=str(said.window.id), number=number)
                placed = said.model_copy(update={"place": len(taken)})
                taken.append(self.signer.signed(placed, approval_id=approval_id, step_hash=digest))
        return Given(tuple(taken), given.on_call)

    def _is_known(self, window: Window) -> bool:
        return window.channel == _TERMINAL or window.by.casefold() in self.people


class Nothing:
    """Where nothing is allowed in advance."""

    async def found(
        self,
        session: Session,  # noqa: ARG002 see InAdvance
        step: Step,  # noqa: ARG002 see InAdvance
        rule: ApprovalRule,  # noqa: ARG002 see InAdvance
    ) -> Given:
        return NONE

    async def counted(
        self,
        session: Session,  # noqa: ARG002 see InAdvance
        step: Step,  # noqa: ARG002 see InAdvance
        given: Given,  # noqa: ARG002 see InAdvance
    ) -> Given:
        return NONE


NOTHING: Final = Nothing()


def _yes(window: Window, at: datetime) -> Decision:
    return Decision(
        answer=Answer.APPROVE,
        by=window.by,
        at=at,
        channel=window.channel,
        reason=window.reason,
        window=window,
    )
