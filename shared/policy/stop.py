"""The stop of everything: who, when and why."""

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Stop(BaseModel):
    """Who stopped everything, when and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    by: str
    at: AwareDatetime
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.by}, {self.at:%Y-%m-%d %H:%M} UTC)"
