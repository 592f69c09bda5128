"""What is checked of the templates of a runbook: names, places, and what earlier steps found."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.events import ValueType
from shared.runbook.expressions import LATE_RUNBOOKS, expression_of, single
from shared.runbook.model import ALERT_NAMES, RESERVED, RunbookFile
from shared.runbook.node import ForeachRule, StepNode
from shared.runbook.placing import prepared
from shared.runbook.spots import Place, Spot, spots
from shared.runbook.steps import StepTemplate
from shared.runbook.template import Placeholder, Reference
from shared.runbook.wiring import Wiring
from shared.yamlsource import Problem, Source

#: steps, an id, outputs, a name: what follows the first.
_PATH = 3


@dataclass(frozen=True)
class Texts:
    """The templates of one runbook."""

    content: RunbookFile
    source: Source
    wiring: Wiring

    def problems(self) -> Iterator[Problem]:
        for spot in spots(self.content):
            yield from self._spot(spot)
        for index, step in enumerate(self.content.steps):
            if step.foreach is not None:
                yield from self._foreach(("steps", index, "foreach"), step, step.foreach)

    def _spot(self, spot: Spot) -> Iterator[Problem]:
        template = prepared(spot.text, spot.kind)
        for mistake in template.mistakes:
            yield self._inside(spot.place, mistake.offset, mistake.message)
        for placeholder in template.cut.placeholders:
            yield from self._names(spot, placeholder)
            yield from self._references(spot, placeholder)
            yield from self._list(spot, placeholder)
            reason = template.guarded.get(placeholder.offset)
            if reason is not None and not self._chosen(placeholder):
                yield self._inside(
                    spot.place,
                    placeholder.offset,
                    f"{{{{ {placeholder.expression} }}}} {reason}: "
                    "only a parameter with a `pattern` may stand there",
                )

    def _inside(self, place: Place, offset: int, message: str) -> Problem:
        return self.source.problem_inside(place, offset, message)

    def _names(self, spot: Spot, placeholder: Placeholder) -> Iterator[Problem]:
        known = {*self.content.params, *ALERT_NAMES, "steps", spot.item}
        for name, offset in placeholder.names:
            if name not in known:
                message = f"{name} is no parameter of this runbook: declare it under `params`"
                yield self._inside(spot.place, offset, message)

    def _references(self, spot: Spot, placeholder: Placeholder) -> Iterator[Problem]:
        for reference in placeholder.references:
            if spot.step is None:
                message = "what steps find is not known here: it is written when the plan is made"
                yield self._inside(spot.place, reference.offset, message)
            elif wrong := self._wrong_reference(spot.step, reference):
                yield self._inside(spot.place, reference.offset, wrong)

    def _wrong_reference(self, own: StepNode, reference: Reference) -> str:
        if len(reference.path) < _PATH or reference.path[1] != "outputs":
            return "of a step a template may use its outputs: write steps.ID.outputs.NAME"
        id_, _, name = reference.path[:_PATH]
        step = self.wiring.steps.get(id_)
        if step is None:
            return f"there is no step {id_}"
        if untimely := self._untimely(own, id_):
            return untimely
        outputs = step.outputs if isinstance(step, StepTemplate) else {}
        known = ", ".join(outputs) or "none"
        return "" if name in outputs else f"{id_} has no output {name} (it has: {known})"

    def _untimely(self, own: StepNode, id_: str) -> str:
        """Why a step has found nothing when another begins; empty where it may have."""
        if id_ not in self.wiring.before(own.id):
            return f"{id_} has not run by then: add it to `needs` of {own.id}"
        if id_ not in self.wiring.certain(own.id):
            return f"{id_} may not have ended by then, with `join: first`: use one that has"
        why = self.wiring.never(id_)
        return f"{own.id} can never run: {id_} does not, {why}" if why else ""

    def _list(self, spot: Spot, placeholder: Placeholder) -> Iterator[Problem]:
        if spot.step is None and spot.place[2:3] == ("with",):
            return
        if self._is_list(placeholder):
            message = f"{{{{ {placeholder.expression} }}}} is a list: use `foreach` or | join(',')"
            yield self._inside(spot.place, placeholder.offset, message)

    def _is_list(self, placeholder: Placeholder) -> bool:
        """Whether an expression is nothing but the name of a list."""
        param = self.content.params.get(placeholder.expression)
        if param is not None:
            return param.type is ValueType.LIST
        path = placeholder.expression.split(".")
        if len(path) != _PATH + 1 or path[0] != "steps":
            return False
        step = self.wiring.steps.get(path[1])
        if not isinstance(step, StepTemplate) or path[3] not in step.outputs:
            return False
        return step.foreach is not None or step.outputs[path[3]].type is ValueType.LIST

    def _chosen(self, placeholder: Placeholder) -> bool:
        """Whether the author of the runbook said which texts may stand there."""
        param = self.content.params.get(placeholder.expression)
        if param is not None:
            return param.chosen_by_author
        path = placeholder.expression.split(".")
        step = self.wiring.steps.get(path[1]) if len(path) == _PATH + 1 else None
        output = step.outputs.get(path[3]) if isinstance(step, StepTemplate) else None
        return path[0] == "steps" and output is not None and output.pattern is not None

    # -- items -----------------------------------------------------------------------------------

    def _foreach(self, place: Place, step: StepNode, rule: ForeachRule) -> Iterator[Problem]:
        if rule.item in self.content.params or rule.item in RESERVED:
            message = f"{rule.item} is taken: call the item something else with `as`"
            yield self.source.problem((*place, "as"), message)
        if not isinstance(rule.items, str):
            if len(rule.items) > rule.limit:
                message = f"there are {len(rule.items)} items, and the limit is {rule.limit}"
                yield self.source.problem((*place, "limit"), message)
            return
        at: Place = (*place, "items")
        found = single(expression_of(rule.items))
        if found is None:
            yield self.source.problem(
                at, "is no list: write [a, b], a list parameter, or steps.ID.outputs.NAME"
            )
            return
        if not isinstance(step, StepTemplate) and found.references:
            yield self.source.problem(at, LATE_RUNBOOKS)
            return
        yield from self._items(at, step, rule, found)

    def _items(
        self, at: Place, step: StepNode, rule: ForeachRule, found: Placeholder
    ) -> Iterator[Problem]:
        for name, _ in found.names:
            if name not in {*self.content.params, *ALERT_NAMES, "steps"}:
                yield self.source.problem(at, f"{name} is no parameter of this runbook")
                return
        for reference in found.references:
            if wrong := self._wrong_reference(step, reference):
                yield self.source.problem(at, wrong)
                return
        plain = found.expression in self.content.params or (
            found.expression.startswith("steps.")
            and found.expression.replace(".", "").isidentifier()
        )
        if plain and not self._is_list(found):
            yield self.source.problem(at, f"{expression_of(str(rule.items))} is no list")
