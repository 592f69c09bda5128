"""A person's signed yes or no to one exact step."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.events.standing import Delegation, Window


class Answer(StrEnum):
    """What a person said; ``withdraw`` takes back what the same person said before."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


class Decision(BaseModel):
    """One person's answer; ``signature`` is over everything here and the step's hash.

    See ``shared.signing``: the executor makes the same signature itself and compares. ``place`` is
    how many answers to the same question came before, so that none can be left out between two;
    answers of before places were kept have none. With a
    ``delegation`` it is said in the place of another person; with a ``window`` it was said in
    advance, and ``at`` is when it was made use of.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    answer: Answer
    by: str
    at: AwareDatetime
    channel: str
    reason: str = ""
    place: int | None = None
    delegation: Delegation | None = None
    window: Window | None = None
    signature: str = ""

    @property
    def behalf(self) -> str:
        """The address of the person whose authority it has."""
        return self.delegation.of if self.delegation else self.by

    @property
    def told_by(self) -> str:
        """Who said it, and in whose place, for people."""
        if self.delegation:
            return f"{self.by} for {self.delegation.of}"
        return f"{self.by} (in advance, {self.window.mark})" if self.window else self.by
