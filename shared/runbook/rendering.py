"""A runbook's steps and checks with an alert's values in them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from shared.events import (
    Alert,
    ApprovalRule,
    Foreach,
    Retry,
    Step,
)
from shared.lifecycle import Effect, Risk, Severity
from shared.runbook import conditions
from shared.runbook.expressions import LATE_RUNBOOKS, expression_of, is_late
from shared.runbook.filling import fill, origins
from shared.runbook.languages import kind_of
from shared.runbook.late import (
    UnrenderedError,
    called,
    located,
    of_item,
)
from shared.runbook.node import ForeachRule
from shared.runbook.outline import acts_late, asks, outputs, texts
from shared.runbook.runbook import Runbook
from shared.runbook.scope import Scope, late_fields
from shared.runbook.steps import IncludeTemplate, StepTemplate
from shared.runbook.values import Value
from shared.runbook.why import why

Approve = Callable[[Risk], ApprovalRule]

_NOTHING: Final[Mapping[str, Any]] = {}
#: More steps than this are no plan that a person could read.
STEPS_MOST: Final = 300


@dataclass(frozen=True)
class Rendered:
    """Steps, and the parameters of the runbook and of those that it includes, with prefixes.

    ``origins`` say where those of the included ones are from.
    """

    params: dict[str, Value]
    steps: tuple[Step, ...]
    origins: dict[str, str]


def render(
    runbook: Runbook,
    alert: Alert,
    severity: Severity,
    params: Mapping[str, Value],
    *,
    approve: Approve,
) -> tuple[Step, ...]:
    """The steps exactly as they will run, in the order of the file; ``params`` come from ``fill``.

    Raises:
        UnrenderedError: see there.
    """
    return rendered(runbook, alert, severity, params, approve=approve).steps


def rendered(
    runbook: Runbook,
    alert: Alert,
    severity: Severity,
    params: Mapping[str, Value],
    *,
    approve: Approve,
    evidence: Mapping[str, Any] = _NOTHING,
) -> Rendered:
    """The same with the parameters of included runbooks, which are taken from the evidence too.

    Raises:
        UnfilledError: an included runbook does not get what it needs.
        UnrenderedError: see there.
    """
    renderer = _Renderer(alert, severity, approve, evidence)
    # Items of items may come to millions: no more are made than are needed to see that.
    all_steps = renderer.steps(Scope(runbook, alert, params), parent=None)
    steps = tuple(islice(all_steps, STEPS_MOST + 1))
    if len(steps) > STEPS_MOST:
        raise UnrenderedError("steps", f"there would be more than {STEPS_MOST}")
    return Rendered({**params, **renderer.included}, steps, renderer.origins)


@dataclass(frozen=True)
class _Renderer:
    alert: Alert
    severity: Severity
    approve: Approve
    evidence: Mapping[str, Any]
    included: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def steps(self, scope: Scope, *, parent: str | None) -> Iterator[Step]:
        templates = scope.runbook.content.steps
        for position, template in enumerate(templates, 1):
            place = f"{position} of {len(templates)}"
            if isinstance(template, IncludeTemplate):
                yield from self._include(scope, template, parent, place)
            elif template.foreach is not None:
                yield from self._foreach(scope, template, template.foreach, parent, place)
            else:
                said = texts(template)
                left = late_fields(said)
                yield self._step(scope, template, said, left, parent=parent, place=place)

    def _step(
        self,
        scope: Scope,
        template: StepTemplate,
        said: Mapping[str, str | None],
        left: Mapping[str, str],
        *,
        parent: str | None,
        place: str,
    ) -> Step:
        """One step; the texts in ``left`` stay templates."""
        id_ = scope.prefix + template.id
        step = Step(
            id=id_,
            needs=tuple(scope.prefix + need for need in template.needs),
            join=template.join,
            when=template.when and conditions.qualified(template.when, scope.prefix),
            uses=template.uses,
            risk=template.risk,
            effect=template.effect,
            timeout=template.timeout,
            retry=Retry(attempts=template.retry.attempts, backoff=template.retry.backoff),
            on_failure=template.on_failure,
            goto=template.goto and scope.prefix + template.goto,
            gather=template.gather,
            rollback_risk=template.rollback_risk,
            approval=self.approve(template.risk),
            asks=asks(template, late=acts_late(template)),
            outputs=outputs(template),
            parent=parent,
            late=scope.late(left) if left else None,
            why="",
            **self._filled(scope, id_, template.uses, said, left),
        )
        step = step.under(step.approval)
        return step.model_copy(update={"why": self._why(scope, step, place)})

    def _filled(
        self,
        scope: Scope,
        id_: str,
        uses: str,
        said: Mapping[str, str | None],
        left: Mapping[str, str],
    ) -> dict[str, Any]:
        filled: dict[str, Any] = dict(said)
        for name, text in said.items():
            if text and name not in left:
                with located(f"step {id_}, {name}"):
                    filled[name] = scope.text(text, kind_of(name, uses))
        return filled

    def _why(self, scope: Scope, step: Step, place: str) -> str:
        return why(scope.runbook, self.alert, self.severity, step, place=place)

    # -- steps that stand for others -------------------------------------------------------------

    def _foreach(
        self,
        scope: Scope,
        template: StepTemplate,
        rule: ForeachRule,
        parent: str | None,
        place: str,
    ) -> Iterator[Step]:
        said = texts(template)
        templates = {name: text for name, text in said.items() if text is not None}
        told = _told(rule)
        group = self._step(scope, template, said, templates, parent=parent, place=place)
        late = None if told.known else scope.late(templates, items=told.items)
        group = group.model_copy(update={"foreach": told, "late": late})
        yield group
        if told.known:
            yield from (step for _, step in self._items(scope, rule, told, group, templates))

    def _items(
        self,
        scope: Scope,
        rule: ForeachRule,
        told: Foreach,
        group: Step,
        templates: Mapping[str, str],
    ) -> Iterator[tuple[Scope, Step]]:
        """What the templates of each item see, and its step."""
        left = late_fields(templates)
        for index, item in enumerate(scope.items(told, rule.items, f"step {group.id}, foreach")):
            own, step = scope.with_item(rule.item, item), of_item(group, told, index)
            filled = self._filled(own, step.id, step.uses, templates, left)
            step = step.model_copy(update={**filled, "late": own.late(left) if left else None})
            yield own, called(step, group, told, item)

    def _include(
        self, scope: Scope, template: IncludeTemplate, parent: str | None, place: str
    ) -> Iterator[Step]:
        inner = scope.runbook.included.get(template.runbook)
        if inner is None:
            where = f"step {scope.prefix}{template.id}"
            raise UnrenderedError(where, f"there is no runbook {template.runbook}")
        said = {"title": template.title or inner.title, "expects": template.expect or ""}
        rule = template.foreach
        left = late_fields(said) if rule is None else said
        group = self._group(scope, template, inner, said, left, parent=parent, place=place)
        if rule is None:
            yield from self._included(scope, template, inner, group)
            return
        told = _told(rule)
        if not told.known:
            raise UnrenderedError(f"step {group.id}, foreach", LATE_RUNBOOKS)
        group = group.model_copy(update={"foreach": told})
        yield group
        for own, step in self._items(scope, rule, told, group, said):
            yield from self._included(own, template, inner, step)

    def _included(
        self, scope: Scope, template: IncludeTemplate, inner: Runbook, group: Step
    ) -> Iterator[Step]:
        """The step that stands for a runbook, and the steps of that."""
        prefix = f"{group.id}."
        with located(f"step {group.id}, with"):
            given = {name: scope.native(value) for name, value in template.given.items()}
        params = fill(inner, self.alert, self.evidence, given=given, prefix=prefix)
        self.included.update({prefix + name: value for name, value in params.items()})
        found = origins(inner, self.alert, self.evidence, given=template.given, prefix=prefix)
        self.origins.update(found)
        yield group
        yield from self.steps(Scope(inner, self.alert, params, prefix), parent=group.id)

    def _group(
        self,
        scope: Scope,
        template: IncludeTemplate,
        inner: Runbook,
        said: Mapping[str, str],
        left: Mapping[str, str],
        *,
        parent: str | None,
        place: str,
    ) -> Step:
        id_ = scope.prefix + template.id
        group = Step(
            id=id_,
            needs=tuple(scope.prefix + need for need in template.needs),
            join=template.join,
            when=template.when and conditions.qualified(template.when, scope.prefix),
            uses=template.uses,
            target="",
            run=inner.name,
            risk=Risk.LOW,
            effect=Effect.READ_ONLY,
            timeout=timedelta(0),
            on_failure=template.on_failure,
            goto=template.goto and scope.prefix + template.goto,
            approval=ApprovalRule(required=0, reason="its steps are asked for one by one"),
            parent=parent,
            includes=inner.ref,
            why="",
            **self._filled(scope, id_, template.uses, said, left),
        )
        return group.model_copy(update={"why": self._why(scope, group, place)})


def _told(rule: ForeachRule) -> Foreach:
    over = expression_of(rule.items) if isinstance(rule.items, str) else "items"
    return Foreach(
        items=over,
        item=rule.item,
        limit=rule.limit,
        at_once=rule.at_once,
        known=not is_late(over),
    )
