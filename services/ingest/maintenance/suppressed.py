"""What becomes of a ticket that a maintenance window suppressed, as time goes by."""

from dataclasses import dataclass

from services.ingest.reopening import Waiting
from services.ingest.ruling import Quiet


@dataclass(frozen=True, kw_only=True)
class Suppressed(Waiting):
    """A suppressed ticket as it stands; ``firing`` says whether its problem is there."""

    quiet: Quiet
    firing: bool

    @property
    def because(self) -> str:
        return f"the maintenance window {self.quiet.window} is over, and it still fires"
