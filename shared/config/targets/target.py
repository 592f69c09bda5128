"""What every target may say of itself."""

from pydantic import Field

from shared.config.section import Section


class AnyTarget(Section):
    """For the policy: ``labels``, and ``environment`` such as production."""

    labels: dict[str, str] = Field(default_factory=dict)
    environment: str | None = None
