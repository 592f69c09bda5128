"""Other values for a step that people are asked about: which there may be, and who wants which."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events.approvals import Answer, Decision
from shared.events.graph import Late, ValueType
from shared.events.standing import Delegation


class ChangeableField(BaseModel):
    """A parameter that the texts of one step use, as its runbook declares it, with its value."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    about: str = Field("", description="What it is, for people.")
    type: ValueType = ValueType.STRING
    required: bool = True
    pattern: str | None = None
    options: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    separator: str = ","
    value: str = ""


class Changeable(BaseModel):
    """What of one step people may change, and the templates that its texts are filled from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    fields: tuple[ChangeableField, ...]
    texts: Late


class ChangedValue(BaseModel):
    """What a parameter was for one step, and what it is to be."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    old: str
    new: str


class StepChange(BaseModel):
    """Who wanted other values for a step, and what it was before.

    ``before`` has the texts that were changed, by the names of a step's fields, as they were;
    where ``refused`` says why the change was not made, the step is as it was.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    by: str
    at: AwareDatetime
    reason: str = ""
    values: tuple[ChangedValue, ...] = ()
    before: dict[str, str] = {}
    refused: str = ""


class Proposal(BaseModel):
    """Other values that one person wants for a step, by the names of parameters.

    With a ``delegation`` it is said in the place of another person. ``signature`` is over
    everything here and the step's hash; see ``shared.signing``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    values: dict[str, str]
    by: str
    at: AwareDatetime
    channel: str
    reason: str = ""
    delegation: Delegation | None = None
    signature: str = ""

    @property
    def as_yes(self) -> Decision:
        """The yes that this person would have to be able to give."""
        return Decision(
            answer=Answer.APPROVE,
            by=self.by,
            at=self.at,
            channel=self.channel,
            delegation=self.delegation,
        )
