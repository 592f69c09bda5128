"""A person's signed yes or no to one exact step."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Answer(StrEnum):
    """What a person said."""

    APPROVE = "approve"
    REJECT = "reject"


class Decision(BaseModel):
    """One person's answer; ``signature`` is over everything here and the step's hash.

    See ``shared.signing``: the executor makes the same signature itself and compares.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    answer: Answer
    by: str
    at: AwareDatetime
    channel: str
    reason: str = ""
    signature: str = ""
