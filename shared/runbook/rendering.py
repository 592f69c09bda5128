"""A runbook's steps and checks with an alert's values in them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from shared.events import (
    Alert,
    ApprovalRule,
    Asks,
    Foreach,
    OutputRule,
    Retry,
    Step,
)
from shared.lifecycle import Effect, Risk, Severity
from shared.runbook import conditions
from shared.runbook.expressions import expression_of, is_late, needs_outputs
from shared.runbook.filling import fill
from shared.runbook.languages import kind_of
from shared.runbook.late import (
    UnrenderedError,
    located,
    of_item,
)
from shared.runbook.node import ApprovalAsk, ForeachRule
from shared.runbook.runbook import Runbook
from shared.runbook.scope import Scope, late_fields
from shared.runbook.steps import IncludeTemplate, StepTemplate
from shared.runbook.values import Value
from shared.runbook.why import expectation, why

Approve = Callable[[Risk], ApprovalRule]

_NOTHING: Final[Mapping[str, Any]] = {}
#: More steps than this are no plan that a person could read.
STEPS_MOST: Final = 300


@dataclass(frozen=True)
class Rendered:
    """Steps, and the parameters of the runbook and of those that it includes, with prefixes."""

    params: dict[str, Value]
    steps: tuple[Step, ...]


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
    steps = tuple(renderer.steps(Scope(runbook, alert, params), parent=None))
    if len(steps) > STEPS_MOST:
        raise UnrenderedError("steps", f"there would be {len(steps)}: more than {STEPS_MOST}")
    return Rendered({**params, **renderer.included}, steps)


@dataclass(frozen=True)
class _Renderer:
    alert: Alert
    severity: Severity
    approve: Approve
    evidence: Mapping[str, Any]
    included: dict[str, Value] = field(default_factory=dict)

    def steps(self, scope: Scope, *, parent: str | None) -> Iterator[Step]:
        templates = scope.runbook.content.steps
        for position, template in enumerate(templates, 1):
            place = f"{position} of {len(templates)}"
            if isinstance(template, IncludeTemplate):
                yield from self._include(scope, template, parent, place)
            elif template.foreach is not None:
                yield from self._foreach(scope, template, template.foreach, parent, place)
            else:
                texts = _texts(template)
                yield self._step(
                    scope, template, texts, late_fields(texts), parent=parent, place=place
                )

    def _step(
        self,
        scope: Scope,
        template: StepTemplate,
        texts: Mapping[str, str | None],
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
            asks=_asks(template, late=_acts_late(template)),
            outputs=_outputs(template),
            parent=parent,
            late=scope.late(left) if left else None,
            why="",
            **self._filled(scope, id_, template.uses, texts, left),
        )
        step = step.under(step.approval)
        return step.model_copy(update={"why": self._why(scope, step, place)})

    def _filled(
        self,
        scope: Scope,
        id_: str,
        uses: str,
        texts: Mapping[str, str | None],
        left: Mapping[str, str],
    ) -> dict[str, Any]:
        filled: dict[str, Any] = dict(texts)
        for name, text in texts.items():
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
        texts = _texts(template)
        templates = {name: text for name, text in texts.items() if text is not None}
        over = expression_of(rule.items) if isinstance(rule.items, str) else "items"
        late = is_late(over)
        told = Foreach(
            items=over, item=rule.item, limit=rule.limit, at_once=rule.at_once, known=not late
        )
        group = self._step(scope, template, texts, templates, parent=parent, place=place)
        group = group.model_copy(
            update={"foreach": told, "late": scope.late(templates, items=over) if late else None}
        )
        yield group
        if not late:
            found = scope.items(told, rule.items, f"step {group.id}, foreach")
            for index, item in enumerate(found):
                yield self._item(scope.with_item(rule.item, item), group, told, index, templates)

    def _item(
        self, scope: Scope, group: Step, rule: Foreach, index: int, templates: Mapping[str, str]
    ) -> Step:
        step = of_item(group, rule, index, str((scope.own or {})[rule.item]))
        texts = {**templates, "title": step.title}
        left = late_fields(texts)
        filled = self._filled(scope, step.id, step.uses, texts, left)
        shown = group.why.replace(group.title, filled["title"])
        return step.model_copy(
            update={**filled, "late": scope.late(left) if left else None, "why": shown}
        )

    def _include(
        self, scope: Scope, template: IncludeTemplate, parent: str | None, place: str
    ) -> Iterator[Step]:
        inner = scope.runbook.included.get(template.runbook)
        id_ = scope.prefix + template.id
        if inner is None:
            raise UnrenderedError(f"step {id_}", f"there is no runbook {template.runbook}")
        prefix = f"{id_}."
        with located(f"step {id_}, with"):
            given = {name: scope.native(value) for name, value in template.given.items()}
        params = fill(inner, self.alert, self.evidence, given=given, prefix=prefix)
        self.included.update({prefix + name: value for name, value in params.items()})
        yield self._group(scope, template, inner, parent, place)
        yield from self.steps(Scope(inner, self.alert, params, prefix), parent=id_)

    def _group(
        self,
        scope: Scope,
        template: IncludeTemplate,
        inner: Runbook,
        parent: str | None,
        place: str,
    ) -> Step:
        id_ = scope.prefix + template.id
        texts = {"title": template.title or inner.title, "expects": template.expect or ""}
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
            **self._filled(scope, id_, template.uses, texts, late_fields(texts)),
        )
        return group.model_copy(update={"why": self._why(scope, group, place)})


def _texts(template: StepTemplate) -> dict[str, str | None]:
    return {
        "title": template.title or _spoken(template.id),
        "expects": template.expect or expectation(template),
        "target": template.target,
        **template.actions()._asdict(),
    }


def _asks(template: StepTemplate, *, late: bool) -> Asks | None:
    """What is asked for beside the policy, which has judged a text that is not written yet."""
    rule = template.approval or ApprovalAsk()
    if late and template.effect is not Effect.READ_ONLY and not rule.require:
        reason = "what it does is known only when earlier steps have ended"
        return Asks(required=1, expires_after=rule.expires, reason=reason)
    if template.approval is None:
        return None
    people = "one person" if rule.require == 1 else "two different people"
    reason = f"the runbook asks for a yes of {people}"
    return Asks(required=rule.require, expires_after=rule.expires, reason=reason)


def _acts_late(template: StepTemplate) -> bool:
    """Whether earlier steps decide what is run, and where."""
    rule = template.foreach
    if rule is not None and isinstance(rule.items, str) and is_late(expression_of(rule.items)):
        return True
    actions = template.actions()
    return any(needs_outputs(text) for text in (template.target, actions.run, actions.check or ""))


def _outputs(template: StepTemplate) -> dict[str, OutputRule]:
    return {
        name: OutputRule(
            regex=rule.regex, json_path=rule.json_path, type=rule.type, pattern=rule.pattern
        )
        for name, rule in template.outputs.items()
    }


def _spoken(step_id: str) -> str:
    """``free-space`` as a title: Free space."""
    return step_id.replace("-", " ").replace("_", " ").capitalize()
