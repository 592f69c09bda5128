"""Evidence: what was asked of the world before a ticket was judged, and what it answered."""

from datetime import timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Look(BaseModel):
    """One thing that was looked at; texts are for people, secrets masked.

    ``found`` is the value as a text, or null where there is none; then ``problem`` says why.
    ``detail`` is what else is worth knowing of the answer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    asked: str
    found: str | None = None
    problem: str = ""
    detail: str = ""
    at: AwareDatetime
    took: timedelta

    @property
    def line(self) -> str:
        """All of it in a line: ``disk_free is 63 (prometheus: …; 10:02:03 UTC, 12 ms)``."""
        said = f"is {self.found}" if self.found is not None else f"is not known: {self.problem}"
        more = f"; {self.detail}" if self.detail else ""
        took = f"{self.took.total_seconds() * 1000:.0f} ms"
        return f"{self.name} {said} ({self.asked}{more}; {self.at:%H:%M:%S %Z}, {took})"
