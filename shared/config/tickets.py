"""``tickets``: when a problem that comes back is the same ticket, and when it flaps."""

from datetime import timedelta

from pydantic import Field

from shared.config.section import Section
from shared.durations import PositiveDuration


class FlappingConfig(Section):
    """A problem that comes back ``times`` within that time flaps.

    Its ticket then stays open until it is calm for as long, and goes to a person.
    """

    times: int = Field(4, ge=2, le=50)
    within: PositiveDuration = timedelta(minutes=30)


class TicketsConfig(Section):
    """What fires again so long after its ticket ended reopens that; later it is a new ticket."""

    reopen_within: PositiveDuration = timedelta(hours=1)
    flapping: FlappingConfig = FlappingConfig()
