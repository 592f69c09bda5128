"""What every target may say of itself."""

from pydantic import Field

from shared.config.section import Section


class AnyTarget(Section):
    """What the policy looks at, and how much is done there at once.

    ``environment`` is a word such as production. ``lock`` has one session at a time change anything
    there; ``concurrency`` is how many steps run at a time, of all sessions.
    """

    labels: dict[str, str] = Field(default_factory=dict)
    environment: str | None = None
    lock: bool = True
    concurrency: int | None = Field(None, ge=1, le=1000)
