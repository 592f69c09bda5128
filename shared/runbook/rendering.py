"""A runbook's steps and checks with an alert's values in them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shared.errors import HandrailError
from shared.events import (
    Alert,
    ApprovalRule,
    Check,
    CommandCheck,
    HttpCheck,
    PrometheusCheck,
    Retry,
    Step,
)
from shared.lifecycle import Risk, Severity
from shared.runbook.library import Runbook
from shared.runbook.model import (
    CheckTemplate,
    CommandTemplate,
    HttpTemplate,
    PrometheusTemplate,
    StepTemplate,
)
from shared.runbook.placing import Kind, Patterned, prepared
from shared.runbook.quoting import ValueRefusedError
from shared.runbook.template import Named, ValueMissingError
from shared.runbook.why import why

Approve = Callable[[Risk], ApprovalRule]


class UnrenderedError(HandrailError):
    """A template, named by ``where``, has no value, or one that cannot be put there."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where


def render(
    runbook: Runbook,
    alert: Alert,
    severity: Severity,
    params: Mapping[str, str],
    *,
    approve: Approve,
) -> tuple[Step, ...]:
    """The steps exactly as they will run, in the order of the file; ``params`` come from ``fill``.

    Raises:
        UnrenderedError: see there.
    """
    renderer = _Renderer(_values(runbook, alert, params))
    steps = [renderer.step(template, approve(template.risk)) for template in runbook.content.steps]
    return tuple(
        step.model_copy(
            update={"why": why(runbook, alert, severity, step, place=f"{position} of {len(steps)}")}
        )
        for position, step in enumerate(steps, 1)
    )


def checks(runbook: Runbook, alert: Alert, params: Mapping[str, str]) -> tuple[Check, ...]:
    """The checks that tell whether the problem is gone; ``params`` come from ``fill``.

    Raises:
        UnrenderedError: see there.
    """
    renderer = _Renderer(_values(runbook, alert, params))
    return tuple(
        renderer.check(template, f"verify {position}")
        for position, template in enumerate(runbook.content.verify, 1)
    )


def _values(runbook: Runbook, alert: Alert, params: Mapping[str, str]) -> dict[str, Any]:
    declared = runbook.content.params
    return {
        "labels": Named("label", alert.labels),
        "annotations": Named("annotation", alert.annotations),
        **{
            name: Patterned(value) if declared[name].pattern is not None else value
            for name, value in params.items()
        },
    }


@dataclass(frozen=True)
class _Renderer:
    values: Mapping[str, Any]

    def step(self, template: StepTemplate, approval: ApprovalRule) -> Step:
        at = f"step {template.id}"
        rollback = template.rollback
        return Step(
            id=template.id,
            title=self._text(template.title or _spoken(template.id), Kind.TEXT, f"{at}, title"),
            needs=template.needs,
            when=template.when,
            uses=template.uses,
            target=self._text(template.target, Kind.NAME, f"{at}, target"),
            run=self._text(template.run, Kind.COMMAND, f"{at}, run"),
            check=template.check and self._text(template.check, Kind.COMMAND, f"{at}, check"),
            rollback=rollback and self._text(rollback.run, Kind.COMMAND, f"{at}, rollback"),
            risk=template.risk,
            effect=template.effect,
            timeout=template.timeout,
            retry=Retry(attempts=template.retry.attempts, backoff=template.retry.backoff),
            on_failure=template.on_failure,
            approval=approval,
            why="",
        )

    def check(self, template: CheckTemplate, at: str) -> Check:
        match template:
            case HttpTemplate(contains=contains):
                return HttpCheck(
                    url=self._text(template.url, Kind.URL, f"{at}, url"),
                    status=template.status,
                    contains=contains and self._text(contains, Kind.TEXT, f"{at}, contains"),
                    within=template.within,
                    hold=template.hold,
                )
            case CommandTemplate():
                return CommandCheck(
                    uses=template.uses,
                    target=self._text(template.target, Kind.NAME, f"{at}, target"),
                    run=self._text(template.run, Kind.COMMAND, f"{at}, run"),
                    exit_code=template.exit_code,
                    within=template.within,
                    hold=template.hold,
                )
            case PrometheusTemplate():
                return PrometheusCheck(
                    query=self._text(template.query, Kind.QUERY, f"{at}, query"),
                    server=template.server,
                    within=template.within,
                    hold=template.hold,
                )

    def _text(self, template: str, kind: Kind, where: str) -> str:
        with _located(where):
            return prepared(template, kind).render(self.values)


@contextmanager
def _located(where: str) -> Iterator[None]:
    try:
        yield
    except (ValueMissingError, ValueRefusedError) as error:
        raise UnrenderedError(where, str(error)) from error


def _spoken(step_id: str) -> str:
    """``free-space`` as a title: Free space."""
    return step_id.replace("-", " ").replace("_", " ").capitalize()
