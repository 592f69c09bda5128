"""The bus: one way in (`consumes`), one way out (`publish`), one policy of redelivery."""

from shared.bus.bus import Bus, Publish, PublishDep
from shared.bus.router import Envelope, Router, consumes, consumes_all

__all__ = ["Bus", "Envelope", "Publish", "PublishDep", "Router", "consumes", "consumes_all"]
