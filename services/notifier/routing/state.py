"""How far the telling of a question has got: by which route, what is done, and who is at it."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, Self

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from services.notifier.routing.timing import Question, digest_key
from shared.config.routes import DEFAULT, RouteConfig
from shared.lifecycle import Risk, Severity

log = structlog.get_logger(__name__)

#: Longer than a round of messages takes: what a replica left that died is done by another.
LEASE: Final = timedelta(minutes=1)


class Routing(BaseModel):
    """What is kept of a question's route.

    ``plan`` is the route as it was when the question was asked, in JSON: a change of handrail.yaml
    does not change what is under way. ``done`` are the keys of stages, ``digest`` names the mail in
    which it comes with others. ``owner`` tells people just now, until ``claimed_until``; ``turn``
    counts the owners so far. At ``next_at`` it is looked at again; never, where it is None.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    plan: str
    risk: str | None = None
    done: tuple[str, ...] = ()
    digest: str | None = None
    turn: int = 0
    owner: str = ""
    claimed_until: AwareDatetime | None = None
    next_at: AwareDatetime | None = None

    @classmethod
    def begun(cls, route: RouteConfig, asked: Question, *, owner: str, now: datetime) -> Self:
        """The routing of a question that is just asked, claimed by whoever asks it."""
        return cls(
            plan=route.model_dump_json(by_alias=True, exclude_defaults=True),
            risk=asked.risk.value if asked.risk else None,
            digest=digest_key(route, asked),
            owner=owner,
            claimed_until=now + LEASE,
            next_at=now + LEASE,
        )

    @cached_property
    def route(self) -> RouteConfig:
        """The route; one that a newer version wrote and this one cannot read tells nobody more."""
        try:
            return RouteConfig.model_validate_json(self.plan)
        except ValidationError:
            log.exception("route.unreadable", plan=self.plan)
            return DEFAULT

    def question(self, severity: Severity, asked_at: datetime, expires_at: datetime) -> Question:
        """What matters of the question for when people are told."""
        return Question(severity, Risk(self.risk) if self.risk else None, asked_at, expires_at)
