"""Whom news of a ticket go to by the routes, and whether that waits for quiet hours to end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.notifier.recipients import Recipient
from services.notifier.routing.choosing import Chooser, Circle
from services.notifier.routing.matching import About, outcome_route
from services.notifier.routing.timing import after_quiet
from shared.config import Config, Target
from shared.config.channels import Kind
from shared.config.routes import RouteConfig
from shared.lifecycle import Severity
from shared.oncall.keeping import Rosters
from shared.oncall.roster import Roster
from shared.policy.voters import Voters


@dataclass(frozen=True)
class Told:
    """Who is told, from when on, by which route; nobody is where it does not tell such news."""

    to: tuple[Recipient, ...]
    at: datetime
    route: str


@dataclass(frozen=True)
class OutcomeRoutes:
    """The routes of handrail.yaml that say what is told of tickets."""

    routes: tuple[RouteConfig, ...]
    chooser: Chooser
    rosters: Rosters
    targets: Mapping[str, Target]

    @classmethod
    def of(cls, config: Config, chooser: Chooser, rosters: Rosters) -> "OutcomeRoutes | None":
        """None where no route says anything of outcomes: then nothing is looked up for them."""
        found = tuple(route for route in config.routes if route.outcomes is not None)
        return cls(found, chooser, rosters, config.targets) if found else None

    @property
    def hold(self) -> bool:
        """Whether news may have to wait."""
        return any(route.quiet is not None for route in self.routes)

    def kinds(self) -> frozenset[Kind]:
        """What is told by some route."""
        said = (route.outcomes for route in self.routes if route.outcomes)
        return frozenset(kind for outcomes in said for kind in outcomes.tell)

    async def told(self, about: About, kind: Kind, at: datetime) -> Told | None:
        """See ``decided``.

        Raises:
            UnavailableError: who is on call is not known for now.
        """
        roster = await self.rosters.roster()
        route = outcome_route(self.routes, about, kind.value, at, self.targets)
        return decided(route, self.chooser, roster, about.severity, kind=kind, at=at)


def decided(
    route: RouteConfig | None,
    chooser: Chooser,
    roster: Roster,
    severity: Severity,
    *,
    kind: Kind,
    at: datetime,
) -> Told | None:
    """Who is told by a route of what happened at a time; None where the channels say it.

    Who is on call is looked up for when they are told. Where a route tells of such news, and leads
    to nobody then, the channels say too.
    """
    if route is None or route.outcomes is None:
        return None
    said = route.outcomes
    if kind not in said.tell:
        return Told((), at, route.name)
    when = after_quiet(route, severity, at)
    circle = Circle(Voters(), roster, when, when)
    to = route.to if said.to is None else said.to
    found = chooser.told(to, said.by or route.by, circle)
    return Told(found, when, route.name) if found else None
