"""What the executor takes in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Protocol
from uuid import UUID

import structlog
from faststream import Context

from services.executor.changing.forms import Forms
from services.executor.changing.proposal import proposed
from services.executor.consent import (
    check_answer,
    check_approval,
    check_refusal,
    check_withdrawal,
    objection_to,
)
from services.executor.directive import directed
from services.executor.engine import Engine
from services.executor.moves import Move
from services.executor.progress import answered, approved, refused, source_said
from services.executor.session import Session
from services.executor.withdrawal import is_taken_back, withdrawn
from shared.bus import Router, consumes
from shared.events import (
    Change,
    Directive,
    PlanReady,
    QuestionAnswered,
    SessionDirected,
    StepApprovalWithdrawn,
    StepApproved,
    StepChangeProposed,
    StepRejected,
    TicketUpdated,
)
from shared.oncall.keeping import Rosters
from shared.signing import Signer

log = structlog.get_logger(__name__)
router = Router()


class ActiveSessions(Protocol):
    """See ``store.MongoSessions``."""

    async def active_of(self, ticket_id: UUID) -> list[UUID]: ...
    async def retry(self, said: SessionDirected, now: datetime) -> Session | None: ...


EngineDep = Annotated[Engine, Context("engine")]
SignerDep = Annotated[Signer, Context("signer")]
RostersDep = Annotated[Rosters, Context("rosters")]
TeamsDep = Annotated[Mapping[str, tuple[str, ...]], Context("teams")]
FormsDep = Annotated[Forms, Context("forms")]
SessionsDep = Annotated[ActiveSessions, Context("sessions")]


@consumes(router, PlanReady, by="executor", workers=64)
async def start(plan: PlanReady, engine: EngineDep) -> None:
    """Take a plan on."""
    await engine.begin(plan.session_id, plan.ticket_id)


@consumes(router, StepApproved, by="executor")
async def run_approved(
    said: StepApproved, engine: EngineDep, signer: SignerDep, rosters: RostersDep
) -> None:
    """Run a step that people said yes to, if they really did."""
    on_call = await rosters.roster()

    def decide(session: Session) -> Move | None:
        if is_taken_back(session, said):
            return None
        people = check_approval(session, said, signer, on_call)
        return approved(session, said.step_id, engine.owner, datetime.now(UTC), people=people)

    await engine.change(said.session_id, decide)


@consumes(router, StepApprovalWithdrawn, by="executor")
async def heed_withdrawal(
    said: StepApprovalWithdrawn, engine: EngineDep, signer: SignerDep
) -> None:
    """Ask about a step anew whose yes somebody took back, unless it has begun."""

    def decide(session: Session) -> Move | None:
        if is_taken_back(session, said):
            return None
        why = check_withdrawal(session, said, signer)
        return withdrawn(session, said, engine.owner, datetime.now(UTC), why=why)

    if await engine.change(said.session_id, decide) is None:
        log.info("approval.stands", session_id=str(said.session_id), step_id=said.step_id)


@consumes(router, StepRejected, by="executor")
async def give_up_refused(
    said: StepRejected, engine: EngineDep, signer: SignerDep, rosters: RostersDep
) -> None:
    """Give up a step that people said no to, or nothing in time."""
    on_call = await rosters.roster()

    def decide(session: Session) -> Move | None:
        reason = check_refusal(session, said, signer, on_call)
        return refused(
            session,
            said.step_id,
            engine.owner,
            datetime.now(UTC),
            refusal=said.refusal,
            reason=reason,
        )

    await engine.change(said.session_id, decide)


@consumes(router, StepChangeProposed, by="executor")
async def heed_change(
    said: StepChangeProposed,
    engine: EngineDep,
    signer: SignerDep,
    rosters: RostersDep,
    forms: FormsDep,
) -> None:
    """Ask about a step anew, with the values that somebody wants for it, if they really do."""
    signer.check_proposal(said.proposal, approval_id=said.approval_id, step_hash=said.step_hash)
    on_call = await rosters.roster()
    form = await forms.known(said.session_id, said.step_id)

    def decide(session: Session) -> Move | None:
        if not session.has_step(said.step_id):
            return None
        return proposed(
            session,
            said,
            form,
            engine.owner,
            datetime.now(UTC),
            objection=objection_to(session, said, on_call),
        )

    if await engine.change(said.session_id, decide) is None:
        log.info("change.too_late", step_id=said.step_id, by=said.proposal.by)


@consumes(router, QuestionAnswered, by="executor")
async def heed_answer(
    said: QuestionAnswered,
    engine: EngineDep,
    signer: SignerDep,
    rosters: RostersDep,
    teams: TeamsDep,
) -> None:
    """Go on with what people answered, if they really did."""
    on_call = await rosters.roster()

    def decide(session: Session) -> Move | None:
        reason = check_answer(session, said, signer, on_call, teams)
        return answered(session, said, engine.owner, datetime.now(UTC), reason=reason)

    await engine.change(said.session_id, decide)


@consumes(router, SessionDirected, by="executor")
async def heed_directive(
    said: SessionDirected, engine: EngineDep, signer: SignerDep, sessions: SessionsDep
) -> None:
    """Pause, resume, end or try again a session, if somebody who may really said so."""
    signer.check_directive(said)
    if said.directive is Directive.RETRY:
        again = await sessions.retry(said, datetime.now(UTC))
        if again is not None:
            await engine.begin(again.id, again.ticket_id)
        return
    await engine.change(
        said.session_id, lambda session: directed(session, said, engine.owner, datetime.now(UTC))
    )


@consumes(router, TicketUpdated, by="executor")
async def heed_source(said: TicketUpdated, engine: EngineDep, sessions: SessionsDep) -> None:
    """Call a plan off whose problem its source says is gone, as long as nothing was changed."""
    resolved = said.change is Change.RESOLVED_AT_SOURCE
    for session_id in await sessions.active_of(said.ticket_id):
        await engine.change(
            session_id,
            lambda session: source_said(
                session, engine.owner, datetime.now(UTC), resolved=resolved
            ),
        )
