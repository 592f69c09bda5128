"""What a step's template says before any value is in it."""

from shared.events import Asks, OutputRule
from shared.lifecycle import Effect
from shared.runbook.expressions import expression_of, is_late, needs_outputs
from shared.runbook.node import ApprovalAsk
from shared.runbook.steps import StepTemplate
from shared.runbook.why import expectation


def texts(template: StepTemplate) -> dict[str, str | None]:
    """Its texts as they stand in the file, by the names of the fields of a step."""
    return {
        "title": template.title or _spoken(template.id),
        "expects": template.expect or expectation(template),
        "target": template.target,
        **template.actions()._asdict(),
    }


def asks(template: StepTemplate, *, late: bool) -> Asks | None:
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


def acts_late(template: StepTemplate) -> bool:
    """Whether earlier steps decide what is run, and where."""
    rule = template.foreach
    if rule is not None and isinstance(rule.items, str) and is_late(expression_of(rule.items)):
        return True
    actions = template.actions()
    return any(needs_outputs(text) for text in (template.target, actions.run, actions.check or ""))


def outputs(template: StepTemplate) -> dict[str, OutputRule]:
    """How what it finds is found."""
    return {
        name: OutputRule(
            regex=rule.regex, json_path=rule.json_path, type=rule.type, pattern=rule.pattern
        )
        for name, rule in template.outputs.items()
    }


def _spoken(step_id: str) -> str:
    """``free-space`` as a title: Free space."""
    return step_id.replace("-", " ").replace("_", " ").capitalize()
