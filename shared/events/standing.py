"""What people said in advance: who answers in whose place, and what may run without asking."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.lifecycle import Risk

#: As much of an id as people are shown.
_SHOWN: Final = 8


class Standing(BaseModel):
    """A word that holds from ``since`` until ``until``, or until it is ended.

    ``by`` said it, over ``channel``. ``signature`` is over everything here but ``ended_at`` and
    ``ended_by``; see ``shared.signing``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    kind: ClassVar[str]

    id: UUID
    by: str
    channel: str
    since: AwareDatetime
    until: AwareDatetime
    reason: str = ""
    signature: str = ""
    ended_at: AwareDatetime | None = None
    ended_by: str = ""

    @property
    def mark(self) -> str:
        """How its id begins."""
        return self.id.hex[:_SHOWN]

    def holds_at(self, at: datetime) -> bool:
        """Whether it stands at a time, as far as is known here."""
        return self.since <= at < self.until and (self.ended_at is None or at < self.ended_at)


class Delegation(Standing):
    """The yes of ``of`` may be given by ``to`` for a while; addresses are in small letters.

    It hands on what ``of`` may say by the policy, never what somebody else handed to ``of``.
    """

    kind: ClassVar[str] = "delegation"

    of: str
    to: str


class Window(Standing):
    """A yes in advance to the steps of one text of a runbook, up to a risk.

    ``version`` is the runbook's seal (``RunbookRef.seal``): another text is not meant. ``target``
    narrows it to one, ``times`` to so many steps.
    """

    kind: ClassVar[str] = "window"

    runbook: str
    version: str
    risk: Risk
    target: str | None = None
    times: int | None = Field(None, ge=1)

    def covers(self, *, runbook: str, version: str, risk: Risk, target: str) -> bool:
        """Whether it is about such a step; never about one of critical risk."""
        return (
            (self.runbook, self.version) == (runbook, version)
            and risk is not Risk.CRITICAL
            and risk.rank <= self.risk.rank
            and self.target in (None, target)
        )
