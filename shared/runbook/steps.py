"""The steps of a runbook: one class for each form in which they are written."""

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, JsonValue, model_validator

from shared.calls.call import named
from shared.calls.families import FAMILIES
from shared.durations import PositiveDuration
from shared.lifecycle import Effect, Risk
from shared.runbook import calltexts, script
from shared.runbook.node import ApprovalAsk, Output, RetryRule, StepNode
from shared.runbook.part import Name, Part, Text, ValueName
from shared.runbook.script import Interpreter


def _plain_lines(source: str) -> str:
    if "\r" in source:
        raise ValueError("has a carriage return: end lines with \\n only")
    return source


Source = Annotated[str, Field(min_length=1, max_length=200_000), AfterValidator(_plain_lines)]


class Actions(NamedTuple):
    """The three texts of a step as templates, in the language of its connector."""

    run: str
    check: str | None
    rollback: str | None


def _actions(texts: Mapping[tuple[str, ...], str]) -> Actions:
    return Actions(texts[()], texts.get(("check",)), texts.get(("rollback",)))


class StepTemplate(StepNode):
    """One action, whatever its connector; its texts are templates."""

    uses: str
    target: Text
    risk: Risk = Risk.MEDIUM
    effect: Effect = Effect.ONCE
    timeout: PositiveDuration = timedelta(seconds=60)
    retry: RetryRule = RetryRule()
    rollback_risk: Risk | None = Field(
        None, description="Of what takes it back, where that is not its own; more is asked for."
    )
    approval: ApprovalAsk | None = None
    gather: bool = Field(default=False, description="It only looks: the plan goes on if it fails.")
    outputs: dict[ValueName, Output] = Field({})

    @abstractmethod
    def actions(self) -> Actions:
        """What is run, what says that it was done, what takes it back."""

    @model_validator(mode="before")
    @classmethod
    def _gathering_only_looks(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("gather") is True and "effect" not in given:
            return {**given, "effect": Effect.READ_ONLY}
        return given

    @model_validator(mode="after")
    def _fits_effect(self) -> "StepTemplate":
        check = self.actions().check
        if self.effect is Effect.CHECK_THEN_ACT and check is None:
            raise ValueError("effect check_then_act needs a `check`, which says that it is done")
        if self.effect is not Effect.CHECK_THEN_ACT and check is not None:
            raise ValueError(f"a `check` goes with effect check_then_act, this is {self.effect}")
        if self.rollback_risk is not None and self.actions().rollback is None:
            raise ValueError("`rollback_risk` goes with a `rollback`")
        if self.gather and self.effect is not Effect.READ_ONLY:
            raise ValueError(f"`gather` is for steps that only look, this is {self.effect}")
        return self


class Rollback(Part):
    """The command or statement that takes a step back."""

    run: Text


class _OneText(StepTemplate):
    run: Text
    check: Text | None = None
    rollback: Rollback | None = None

    def actions(self) -> Actions:
        return Actions(self.run, self.check, self.rollback.run if self.rollback else None)


class CommandStep(_OneText):
    """A command: of a POSIX shell, over ``winrm`` of PowerShell. Done is what ends with 0."""

    uses: Literal["ssh", "local", "winrm"]


class SqlStep(_OneText):
    """A statement of SQL. ``check`` is a query: done is a row whose first column is true."""

    uses: Literal["sql"]


class Script(Part):
    """A program that is sent to the target; values come in by its arguments."""

    interpreter: Interpreter
    args: tuple[str, ...] = Field((), description="Templates; each is one argument.")
    source: Source = Field(description="As it stands: no template.")

    def text(self) -> str:
        return script.template_of(self.interpreter, self.args, self.source)


class ScriptStep(StepTemplate):
    """A script on a target that is reached over ssh, or is this machine."""

    uses: Literal["script"]
    interpreter: Interpreter
    args: tuple[str, ...] = Field((), description="Templates; each is one argument.")
    source: Source = Field(description="As it stands: no template.")
    check: Script | None = None
    rollback: Script | None = None

    def scripts(self) -> Iterator[tuple[tuple[str, ...], Script]]:
        """Where in the step a script stands, and the script."""
        own = Script(interpreter=self.interpreter, args=self.args, source=self.source)
        for place, one in (((), own), (("check",), self.check), (("rollback",), self.rollback)):
            if one is not None:
                yield place, one

    def actions(self) -> Actions:
        return _actions({place: one.text() for place, one in self.scripts()})


class CallText(Part):
    """An action and its arguments, as templates; see ``shared.calls``."""

    action: Text
    given: dict[str, JsonValue] = Field({}, alias="with")


class _CallTemplate(StepTemplate):
    action: Text
    given: dict[str, JsonValue] = Field({}, alias="with")
    check: CallText | None = None
    rollback: CallText | None = None

    def calls(self) -> Iterator[tuple[tuple[str, ...], CallText]]:
        """Where in the step a call stands, and the call."""
        own = CallText.model_construct(action=self.action, given=self.given)
        for place, one in (((), own), (("check",), self.check), (("rollback",), self.rollback)):
            if one is not None:
                yield place, one

    def actions(self) -> Actions:
        calls = self.calls()
        return _actions(
            {at: calltexts.template_of(self.uses, one.action, one.given) for at, one in calls}
        )

    @model_validator(mode="before")
    @classmethod
    def _effect_of_action(cls, given: Any) -> Any:
        """Without a word about it, the effect is what the action says of itself."""
        if not isinstance(given, dict) or "effect" in given or given.get("gather") is True:
            return given
        if isinstance(given.get("check"), dict):
            return {**given, "effect": Effect.CHECK_THEN_ACT}
        model = named(FAMILIES.get(str(given.get("uses")), ()), str(given.get("action")))
        return given if model is None else {**given, "effect": model.effect}


class CallStep(_CallTemplate):
    """An action of an API, a cluster, an infrastructure."""

    uses: Literal["http", "kubernetes", "terraform", "aws"]


class PlaceStep(_CallTemplate):
    """An action without a target: a wait, or a question to people."""

    uses: Literal["wait", "ask"]
    target: Literal[""] = ""
    # Neither changes anything: nobody is asked whether somebody may be asked.
    risk: Risk = Risk.LOW
    timeout: PositiveDuration = timedelta(days=1)

    @model_validator(mode="before")
    @classmethod
    def _answers_are_outputs(cls, given: Any) -> Any:
        """What people fill in are outputs of the step, by the names of the fields."""
        if not isinstance(given, dict) or given.get("uses") != "ask":
            return given
        if "outputs" in given:
            raise ValueError("the answers are the outputs of an `ask`: leave `outputs` out")
        form = given.get("with")
        fields = form.get("fields") if isinstance(form, dict) else None
        if not isinstance(fields, dict):
            return given
        known = {name: _answer(field) for name, field in fields.items() if isinstance(field, dict)}
        return {**given, "outputs": known}


def _answer(field: Mapping[str, Any]) -> dict[str, Any]:
    """A field of a form as an output; what is wrong with the field is told where it stands."""
    kind = field.get("type")
    pattern, options = field.get("pattern"), field.get("options")
    if kind == "choice" and isinstance(options, list):
        pattern = "|".join(re.escape(str(option)) for option in options)
    answered = kind if kind in ("integer", "number", "boolean") else "string"
    return {"json": "answer", "type": answered, "pattern": pattern or None}


class IncludeTemplate(StepNode):
    """The steps of another runbook; ``with`` gives it parameters, as templates."""

    uses: Literal["runbook"]
    runbook: Name
    given: dict[ValueName, JsonValue] = Field({}, alias="with")


AnyStep = Annotated[
    CommandStep | SqlStep | ScriptStep | CallStep | PlaceStep | IncludeTemplate,
    Field(discriminator="uses"),
]
