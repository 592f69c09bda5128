"""One attempt at one step on its target, and what came of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

import structlog

from services.executor.moves import Result, Wrote, place_of
from services.executor.session import Run, Session
from shared.connectors.protocol import (
    Connector,
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnreachableError,
)
from shared.connectors.transcript import ends
from shared.errors import HandrailError
from shared.events import Step
from shared.lifecycle import Effect
from shared.masking import Mask
from shared.runbook.outputs import extracted

log = structlog.get_logger(__name__)

CHECK_TIMEOUT: Final = timedelta(seconds=30)

NOT_BEGUN: Final = Result(reason="it was ended before it began")
#: What these connectors run is claimed in the executor's own home.
_CLAIMED_HERE: Final = frozenset({"local", "terraform"})

_DONE_ALREADY: Final = Result(exit_code=0, reason="its check says that it is done")


class Targets(Protocol):
    """Where connectors come from; see ``shared.connectors.registry.Connectors``."""

    def open(self, target: str, *, uses: str | None = None) -> Connector: ...
    def kind(self, target: str) -> str: ...


def job_of(session: Session, step: Step, artifact: bytes | None = None) -> Job:
    """The present attempt at a step as its connector knows it."""
    run = session.run(step.id)
    return Job(
        session.job_key(step),
        step.run,
        step.timeout,
        effect=step.effect,
        artifact=artifact,
        started_at=run.started_at,
    )


async def attempt(
    session: Session,
    step: Step,
    targets: Targets,
    mask: Mask,
    on_output: OnOutput,
    *,
    artifact: bytes | None = None,
    may_begin: Callable[[], bool] = lambda: True,
) -> Result:
    """Run a step under the key of its present attempt, or see what became of the run that has it.

    A result is ``lost`` when the command was started, or may have been, and its end is not known.
    Nothing is started that ``may_begin`` says no to, which is asked last of all.
    """
    run = session.run(step.id)
    taken_over = run.is_taken_over
    if taken_over and _lies_elsewhere(run, step, targets):
        return Result(reason=f"it was begun on {run.place}, which is gone", lost=True)
    sent = False
    try:
        connector = targets.open(step.target, uses=step.uses)
        job = job_of(session, step, artifact)
        outcome = await connector.reattach(job, on_output=on_output) if taken_over else None
        if outcome is None:
            done = await _happened_already(step, connector)
            if done or not may_begin():
                return _DONE_ALREADY if done else NOT_BEGUN
            sent = True
            outcome = await connector.run(job, on_output=on_output)
        if isinstance(outcome, Lost) and await _happened_already(step, connector):
            return _DONE_ALREADY
    except TargetUnreachableError as error:
        lost = (taken_over and not sent) or (sent and error.may_have_started)
        return Result(reason=mask(str(error)), lost=lost, trouble=True)
    except HandrailError as error:
        return Result(reason=mask(str(error)), lost=taken_over and not sent, trouble=True)
    result = _result(step, outcome, mask)
    return replace(result, reattached=result.reattached or (taken_over and not sent))


def _lies_elsewhere(run: Run, step: Step, targets: Targets) -> bool:
    """Whether what is known of a run lies on another machine, where its executor was."""
    if run.place == place_of(run.owner) or not step.target:
        return False
    return targets.kind(step.target) in _CLAIMED_HERE


async def _happened_already(step: Step, connector: Connector) -> bool:
    if step.effect is not Effect.CHECK_THEN_ACT or step.check is None:
        return False
    found = await connector.read(step.check, timeout=CHECK_TIMEOUT)
    return found.exit_code == 0


def _masked(text: str, mask: Mask) -> str:
    """An output without secrets, also without the parts of one whose middle was left out."""
    head, notice, tail = ends(text)
    return f"{mask.closed(head)}{notice}{mask(mask.opened(tail))}" if notice else mask(text)


def _result(step: Step, outcome: Ended | Lost, mask: Mask) -> Result:
    usage = outcome.usage if isinstance(outcome, Ended) else None
    wrote = Wrote(_masked(outcome.stdout, mask), _masked(outcome.stderr, mask), usage)
    if isinstance(outcome, Lost):
        reason = mask(outcome.reason)
        return Result(output=wrote.text, reason=reason, lost=True, trouble=True, wrote=wrote)
    reason = ""
    if outcome.timed_out:
        reason = f"it did not end within {step.timeout.total_seconds():g} s and was stopped"
    elif outcome.cancelled:
        reason = "it was ended"
    elif outcome.exit_code:
        reason = f"exit code {outcome.exit_code}"
    return Result(
        exit_code=outcome.exit_code,
        output=wrote.text,
        reason=reason,
        reattached=outcome.reattached,
        trouble=outcome.timed_out,
        # From the masked text: what is found is shown, and stands in commands.
        outputs=extracted(step.outputs, wrote.stdout),
        wrote=wrote,
    )
