"""What stands in a runbook's file; unknown fields are refused."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.events import OnFailure
from shared.lifecycle import Effect, Risk
from shared.runbook.durations import Duration, PositiveDuration

#: Names that templates have beside the parameters.
ALERT_NAMES: Final = frozenset({"labels", "annotations"})

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]
StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
ParamName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Text = Annotated[str, Field(min_length=1)]
#: CEL; what is longer than this belongs into several runbooks.
Condition = Annotated[str, Field(min_length=1, max_length=2000)]
#: What of an alert a parameter is taken from.
Origin = Annotated[
    str,
    Field(pattern=r"^(labels|annotations)\..+$|^(name|source|title|fingerprint)$"),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Metadata(_Part):
    """What a runbook is called; ``name`` is unique among all."""

    name: Name
    title: Text
    labels: dict[str, str] = {}


class When(_Part):
    """Which alerts a runbook is for: by name (``*`` and ``?`` stand for anything), and by CEL."""

    alerts: tuple[Text, ...] = ()
    when: Condition | None = None
    text: str = ""


class Param(_Part):
    """A value that is taken from the alert. ``pattern`` is met by the whole value.

    Without a default it is required, unless it says otherwise. An empty label is a missing one.
    """

    origin: Origin | None = Field(None, alias="from")
    required: bool | None = None
    pattern: Text | None = None
    default: str | None = None
    strip_port: bool = False

    @model_validator(mode="after")
    def _can_have_a_value(self) -> "Param":
        if self.origin is None and self.default is None:
            raise ValueError("say `from`, such as labels.job, or a `default`")
        if self.required and self.default is not None:
            raise ValueError("with a `default` it is never missing: drop that or `required`")
        return self

    @property
    def must_be_there(self) -> bool:
        return self.default is None and self.required is not False


class RetryRule(_Part):
    """How often a failed step is tried in all, and the first pause between."""

    attempts: int = Field(1, ge=1, le=10)
    backoff: Duration = timedelta(seconds=2)


class Rollback(_Part):
    """The command that takes a step back."""

    run: Text


class StepTemplate(_Part):
    """One action; ``target``, ``run``, ``check``, ``rollback.run`` and ``title`` are templates."""

    id: StepId
    title: Text | None = None
    needs: tuple[str, ...] = ()
    when: Condition | None = None
    uses: Literal["ssh", "local"]
    target: Text
    run: Text
    check: Text | None = None
    risk: Risk = Risk.MEDIUM
    effect: Effect = Effect.ONCE
    timeout: PositiveDuration = timedelta(seconds=60)
    retry: RetryRule = RetryRule()
    rollback: Rollback | None = None
    on_failure: OnFailure = OnFailure.STOP

    @model_validator(mode="after")
    def _check_fits_effect(self) -> "StepTemplate":
        if self.effect is Effect.CHECK_THEN_ACT and self.check is None:
            raise ValueError("effect check_then_act needs a `check`: a command that ends with 0")
        if self.effect is not Effect.CHECK_THEN_ACT and self.check is not None:
            raise ValueError(f"a `check` goes with effect check_then_act, this is {self.effect}")
        return self


class _CheckTemplate(_Part):
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

    uses: Literal["ssh", "local"]
    target: Text
    run: Text
    exit_code: int = Field(0, ge=0, le=255)


class PrometheusTemplate(_CheckTemplate):
    """An instant query has a result; ``server`` is a name under `prometheus` in handrail.yaml."""

    uses: Literal["prometheus"]
    query: Text
    server: Text | None = None


CheckTemplate = Annotated[
    HttpTemplate | CommandTemplate | PrometheusTemplate,
    Field(discriminator="uses"),
]


class RunbookFile(_Part):
    """The whole file."""

    api_version: Literal["handrail/v1"] = Field(alias="apiVersion")
    kind: Literal["Runbook"]
    metadata: Metadata
    description: Text
    match: When
    params: dict[ParamName, Param] = {}
    steps: tuple[StepTemplate, ...] = Field(min_length=1)
    verify: tuple[CheckTemplate, ...] = Field(min_length=1)
