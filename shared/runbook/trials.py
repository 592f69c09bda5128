"""A runbook's own tests: what it makes of an alert, beside what it should."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.events import Alert, AlertStatus, ApprovalRule, Step
from shared.lifecycle import Risk
from shared.runbook.cases import Case, CaseFile, CaseStep
from shared.runbook.drafting import Draft, draft
from shared.runbook.filling import UnfilledError
from shared.runbook.late import UnrenderedError, expanded, items, written
from shared.runbook.library import Library
from shared.runbook.matching import match
from shared.runbook.placing import placed
from shared.runbook.runbook import Runbook
from shared.runbook.values import typed
from shared.yamlsource import read_file


@dataclass(frozen=True)
class Trial:
    """One test, and in what it is not as it should be; passed where that is nothing."""

    name: str
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.wrong


def cases(runbook: Runbook) -> tuple[Case, ...]:
    """The tests of a runbook: those in its file, and those in ``NAME.test.yaml`` beside it.

    Raises:
        SourceError: that file is wrong.
    """
    file = Path(runbook.file)
    beside = file.with_name(f"{file.stem}.test{file.suffix}")
    if not beside.is_file():
        return runbook.content.tests
    return (*runbook.content.tests, *read_file(beside).parse(CaseFile).tests)


def tried(runbook: Runbook, case: Case) -> Trial:
    """Run one test; nothing has an effect."""
    return Trial(case.name, tuple(_wrong(runbook, case)))


def _wrong(runbook: Runbook, case: Case) -> Iterator[str]:
    alert = _alert(case)
    ranking = match(Library((runbook,)), alert, case.alert.severity)
    if bool(ranking.matches) != case.matches:
        reasons = (*ranking.matches, *ranking.others)[0].reasons
        yield f"it {'matches' if ranking.matches else 'does not match'}: {', '.join(reasons)}"
    if not case.matches:
        return
    try:
        made = draft(
            runbook, alert, case.alert.severity, approve=_nobody, evidence=dict(case.evidence)
        )
    except (UnfilledError, UnrenderedError) as error:
        yield from _refused(case, str(error))
        return
    steps, late = played(made.steps, _outputs(made, case))
    if case.refused is not None:
        if not any(case.refused in reason for reason in late.values()):
            yield f"it was to be refused ({case.refused}), and a plan was made"
        return
    yield from _params(case, made)
    yield from _steps(case, steps, late)


def played(
    steps: tuple[Step, ...], found: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Step], dict[str, str]]:
    """The steps with the texts that depend on what others found, and why some have none."""
    outputs = {step.id: found.get(step.id, {}) for step in steps}
    whole: dict[str, Step] = {}
    without: dict[str, str] = {}
    for step in steps:
        whole[step.id] = step
        try:
            if step.foreach is not None:
                parts = expanded(step, items(step, outputs), outputs)
                whole |= {part.id: part for part in parts}
            else:
                whole[step.id] = written(step, outputs)
        except UnrenderedError as error:
            without[step.id] = str(error)
    return whole, without


def _alert(case: Case) -> Alert:
    said = case.alert
    return Alert(
        source=said.source,
        name=said.name,
        status=AlertStatus.FIRING,
        fingerprint="0" * 16,
        title=said.title or said.name,
        severity=said.severity,
        labels=said.labels,
        annotations=said.annotations,
    )


def _outputs(made: Draft, case: Case) -> dict[str, dict[str, Any]]:
    """What the test says that steps found, as their rules would have read it."""
    rules = {step.id: step.outputs for step in made.steps}
    found: dict[str, dict[str, Any]] = {}
    for step_id, outputs in case.outputs.items():
        known = rules.get(step_id, {})
        for name, value in outputs.items():
            if (rule := known.get(name)) is not None:
                patterned = rule.pattern is not None
                read = placed(typed(value, rule.type), patterned=patterned)
                found.setdefault(step_id, {})[name] = read
    return found


def _refused(case: Case, reason: str) -> Iterator[str]:
    if case.refused is None:
        yield f"there is no plan: {reason}"
    elif case.refused not in reason:
        yield f"it was refused for another reason: {reason}"


def _params(case: Case, made: Draft) -> Iterator[str]:
    actual = {**made.params, **made.values}
    for name, expected in case.params.items():
        if name not in actual:
            yield f"parameter {name} is not there"
        elif actual[name] != expected and made.params[name] != expected:
            yield f"parameter {name} is {actual[name]!r}, not {expected!r}"


def _steps(case: Case, steps: Mapping[str, Step], late: Mapping[str, str]) -> Iterator[str]:
    for step_id, expected in case.steps.items():
        if step_id in late:
            yield f"step {step_id} has no text: {late[step_id]}"
        elif step_id not in steps:
            yield f"there is no step {step_id}: there are {', '.join(steps)}"
        else:
            yield from _fields(steps[step_id], expected)


def _fields(step: Step, expected: CaseStep) -> Iterator[str]:
    for name, text in expected.model_dump(exclude_none=True).items():
        actual = getattr(step, name)
        if (actual or "").strip() != text.strip():
            yield f"step {step.id}: {name} is {actual!r}, not {text!r}"


def _nobody(risk: Risk) -> ApprovalRule:
    return ApprovalRule(required=0, reason=f"{risk} risk, in a test")
