"""What stands in a runbook's file; unknown fields are refused."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, model_validator

from shared.durations import Duration, PositiveDuration
from shared.runbook.cases import Case
from shared.runbook.parameters import Param
from shared.runbook.part import Condition, Name, Part, Text, ValueName
from shared.runbook.steps import AnyStep, CallText

#: Names that templates have beside the parameters.
ALERT_NAMES: Final = frozenset({"labels", "annotations"})
#: Names that no parameter may take.
RESERVED: Final = ALERT_NAMES | {"steps", "params", "evidence"}


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


class CallTemplate(_CheckTemplate):
    """An action of a cluster that only looks, and finds what it should.

    ``get`` finds what its ``expect`` says, ``rollout_status`` a rollout that is through.
    """

    uses: Literal["kubernetes"]
    target: Text
    action: Literal["get", "rollout_status"]
    given: dict[str, JsonValue] = Field({}, alias="with")

    @model_validator(mode="after")
    def _can_be_untrue(self) -> "CallTemplate":
        if self.action == "get" and not self.given.get("expect"):
            raise ValueError("a `get` is true of all that is there: say what to `expect` of it")
        return self

    def call(self) -> CallText:
        return CallText.model_construct(action=self.action, given=self.given)


CheckTemplate = Annotated[
    HttpTemplate | CommandTemplate | SqlTemplate | CallTemplate | PrometheusTemplate,
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
