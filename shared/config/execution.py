"""``execution``: how much executors do at once, and when a target is left alone."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from shared.config.section import Section
from shared.durations import PositiveDuration

_Count = Annotated[int, Field(ge=1, le=10_000)]


class AtOnce(Section):
    """How many steps run at a time, over all executors.

    ``service`` is what the alert's label ``service``, or else ``job``, names. Where nothing is
    said, there is no limit; a target's own ``concurrency`` goes before ``target``.
    """

    session: _Count = 20
    target: _Count | None = None
    service: _Count | None = None


class BreakerConfig(Section):
    """So many failures within a time, and nothing more is begun on a target for ``open_for``.

    That doubles each time it happens again, up to 15 minutes.
    """

    failures: _Count = 5
    within: PositiveDuration = timedelta(minutes=10)
    open_for: PositiveDuration = timedelta(minutes=1)


class Execution(Section):
    """The whole section."""

    at_once: AtOnce = AtOnce()
    breaker: BreakerConfig = BreakerConfig()
