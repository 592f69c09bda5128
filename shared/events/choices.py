"""Which of several runbooks is used where none is clearly the best: question and answer."""

import hashlib
import json
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events.alert import Alert
from shared.events.envelope import Event
from shared.events.plans import FoundBy, RunbookRef, Step
from shared.events.steps import Refusal
from shared.lifecycle import Risk, Severity


class OptionStep(BaseModel):
    """A step as it would run, or as a template where it depends on what earlier steps find."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    title: str
    connector: str
    target: str
    command: str
    risk: Risk

    @classmethod
    def of(cls, step: Step) -> "OptionStep":
        """What people are shown of a step."""
        return cls(
            id=step.id,
            title=step.title,
            connector=step.uses,
            target=step.target,
            command=step.run,
            risk=step.risk,
        )


class Option(BaseModel):
    """A runbook that may be chosen: what it would do, or what ``hinders`` it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    runbook: RunbookRef
    why: tuple[str, ...] = Field((), description="Why it comes into question.")
    risk: Risk | None = Field(None, description="That of its most dangerous step.")
    steps: tuple[OptionStep, ...] = ()
    hinders: tuple[str, ...] = Field((), description="Why it cannot be used here, if so.")

    @property
    def name(self) -> str:
        return self.runbook.name

    @property
    def usable(self) -> bool:
        return not self.hinders

    def meant(self) -> list[object]:
        """What a person's choice is bound to; fields that are added later do not change it."""
        steps = [[each.id, each.connector, each.target, each.command] for each in self.steps]
        return [self.runbook.name, self.runbook.version, self.usable, steps]


class Choosing(BaseModel):
    """What one person chose: a runbook, or none of them.

    ``signature`` is over everything here and the digest of the options (see ``shared.signing``).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    runbook: str | None = Field(description="By its name; null is none of them.")
    by: str
    at: AwareDatetime
    channel: str
    reason: str = ""
    signature: str = ""


class PlanChoiceNeeded(Event):
    """Several runbooks fit about as well, or one fits a little: a person has to choose."""

    subject: ClassVar[str] = "plan.choice_needed"
    choice_id: UUID
    alert: Alert
    severity: Severity
    because: str = Field(description="Why it is not clear.")
    found_by: FoundBy = FoundBy.SEARCH
    options: tuple[Option, ...]
    expires_at: AwareDatetime

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) over all that a choice is made between."""
        said = [str(self.choice_id), [each.meant() for each in self.options]]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def option(self, name: str) -> Option | None:
        """The option of this name."""
        return next((each for each in self.options if each.name == name), None)


class PlanChosen(Event):
    """A person chose a runbook or none, or nobody did in time (then ``decisions`` is empty)."""

    subject: ClassVar[str] = "plan.chosen"
    choice_id: UUID
    digest: str
    decisions: tuple[Choosing, ...] = ()
    refusal: Refusal | None = None
    signature: str = Field("", description="Over an expiry, which no person signs.")
