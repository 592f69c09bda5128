"""What stands in a runbook's file; unknown fields are refused."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field, JsonValue, model_validator

from shared.calls.call import named
from shared.calls.families import FAMILIES
from shared.durations import Duration, PositiveDuration
from shared.events import Join, OnFailure, ValueType
from shared.lifecycle import Effect, Risk
from shared.runbook import calltexts, script
from shared.runbook.cases import Case
from shared.runbook.parameters import Param
from shared.runbook.part import Condition, Name, Part, StepId, Text, ValueName
from shared.runbook.script import Interpreter

#: Names that templates have beside the parameters.
ALERT_NAMES: Final = frozenset({"labels", "annotations"})
#: Names that no parameter may take.
RESERVED: Final = ALERT_NAMES | {"steps", "params", "evidence"}
#: Without a word about it, a `foreach` over more items than this is no plan.
ITEMS_LIMIT: Final = 20


def _plain_lines(source: str) -> str:
    if "\r" in source:
        raise ValueError("has a carriage return: end lines with \\n only")
    return source


Source = Annotated[str, Field(min_length=1, max_length=200_000), AfterValidator(_plain_lines)]


class Metadata(Part):
    """What a runbook is called; ``name`` is unique among all."""

    name: Name
    title: Text
    labels: dict[str, str] = Field({})


class When(Part):
    """Which alerts a runbook is for: by name (``*`` and ``?`` stand for anything), and by CEL."""

    alerts: tuple[Text, ...] = ()
    when: Condition | None = None
    text: str = ""


class RetryRule(Part):
    """How often a failed step is tried in all, and the first pause between."""

    attempts: int = Field(1, ge=1, le=10)
    backoff: Duration = timedelta(seconds=2)


class ApprovalAsk(Part):
    """Who has to say yes beyond what the policy says; it can only be stricter than that."""

    require: int = Field(0, ge=0, le=2)
    expires: PositiveDuration | None = None


class Output(Part):
    """How a value is found in a step's standard output."""

    regex: Text | None = None
    json_path: Text | None = Field(None, alias="json", description="JMESPath, as a.b[0].")
    type: Literal[
        ValueType.STRING,
        ValueType.INTEGER,
        ValueType.NUMBER,
        ValueType.BOOLEAN,
        ValueType.LIST,
    ] = ValueType.STRING
    pattern: Text | None = Field(None, description="What is found and is not this is not found.")

    @model_validator(mode="after")
    def _one_way(self) -> "Output":
        if (self.regex is None) == (self.json_path is None):
            raise ValueError("say how it is found: one of `regex` and `json`")
        return self


class ForeachRule(Part):
    """A step for each item of a list, a list parameter, or a list that a step found."""

    items: Text | tuple[JsonValue, ...]
    item: ValueName = Field("item", alias="as")
    limit: int = Field(ITEMS_LIMIT, ge=1, le=200)
    at_once: int | None = Field(None, ge=1, description="How many run at a time; else all.")


class StepNode(Part):
    """What every step has: its place among the others."""

    id: StepId
    title: Text | None = None
    expect: Text | None = Field(None, description="What it should come to, for people.")
    needs: tuple[str, ...] = ()
    join: Join = Join.ALL
    when: Condition | None = None
    on_failure: OnFailure = OnFailure.STOP
    goto: StepId | None = Field(
        None, description="With on_failure goto: a step that runs only after such a failure."
    )

    @model_validator(mode="after")
    def _goes_somewhere(self) -> "StepNode":
        if (self.on_failure is OnFailure.GOTO) != (self.goto is not None):
            raise ValueError("`on_failure: goto` and `goto: STEP` go together")
        return self

    @model_validator(mode="after")
    def _first_of_several(self) -> "StepNode":
        if self.join is Join.FIRST and not self.needs:
            raise ValueError("join: first needs steps to wait for: name them under `needs`")
        return self


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
    foreach: ForeachRule | None = None
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
    timeout: PositiveDuration = timedelta(days=1)


class IncludeTemplate(StepNode):
    """The steps of another runbook; ``with`` gives it parameters, as templates."""

    uses: Literal["runbook"]
    runbook: Name
    given: dict[ValueName, JsonValue] = Field({}, alias="with")


AnyStep = Annotated[
    CommandStep | SqlStep | ScriptStep | CallStep | PlaceStep | IncludeTemplate,
    Field(discriminator="uses"),
]


class _CheckTemplate(Part):
    within: PositiveDuration = timedelta(minutes=5)
    hold: Duration = timedelta(0)

    @model_validator(mode="after")
    def _hold_fits(self) -> "_CheckTemplate":
        if self.hold > self.within:
            raise ValueError("cannot `hold` for longer than it may take: `within` is shorter")
        return self


class HttpTemplate(_CheckTemplate):
    """A GET on ``url`` answers with ``status``, and with the text ``contains`` in it."""

    uses: Literal["http"]
    url: Text
    status: int = Field(200, ge=100, le=599)
    contains: Text | None = None


class CommandTemplate(_CheckTemplate):
    """A read-only command ends with ``exit_code``."""

    uses: Literal["ssh", "local", "winrm"]
    target: Text
    run: Text
    exit_code: int = Field(0, ge=0, le=255)


class SqlTemplate(_CheckTemplate):
    """A query, in a transaction that cannot write, has a row whose first column is true."""

    uses: Literal["sql"]
    target: Text
    run: Text


class PrometheusTemplate(_CheckTemplate):
    """An instant query has a result; ``server`` is a name under `prometheus` in handrail.yaml."""

    uses: Literal["prometheus"]
    query: Text
    server: Text | None = None


CheckTemplate = Annotated[
    HttpTemplate | CommandTemplate | SqlTemplate | PrometheusTemplate,
    Field(discriminator="uses"),
]


class RunbookFile(Part):
    """The whole file."""

    api_version: Literal["handrail/v1"] = Field(alias="apiVersion")
    kind: Literal["Runbook"]
    metadata: Metadata
    description: Text
    match: When
    params: dict[ValueName, Param] = Field({})
    timeout: PositiveDuration | None = Field(
        None, description="How long all of it may take, waiting for people included; else 24h."
    )
    steps: tuple[AnyStep, ...] = Field(min_length=1)
    verify: tuple[CheckTemplate, ...] = Field(min_length=1)
    tests: tuple[Case, ...] = Field((), description="What it makes of alerts, for `runbook test`.")
