"""All that stands behind the doors of ingest, put together: for the service and for replays."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ingest import announce
from services.ingest.announce import Announcements
from services.ingest.comeback import ReturnRules
from services.ingest.correlation import release
from services.ingest.correlation.grouper import Grouper
from services.ingest.correlation.release import Release
from services.ingest.correlation.rules import Correlating
from services.ingest.correlation.store import MongoGroups
from services.ingest.history.store import MongoHistory
from services.ingest.identity import Identity
from services.ingest.intake import History, Intake
from services.ingest.maintenance import keeper, sweep
from services.ingest.maintenance.keeper import Keeper
from services.ingest.maintenance.store import MongoSuppressed, MongoWindows
from services.ingest.maintenance.sweep import Sweep
from services.ingest.rules import Rules
from services.ingest.store import MongoTickets
from services.ingest.triggers import Triggers
from shared.bus import Publish
from shared.config import Config
from shared.loops import every
from shared.service import Loop, Prepare
from shared.store import Database


@dataclass(frozen=True)
class Inside:
    """The intake with its rules, and what has to be ready before and to run beside it."""

    intake: Intake
    rules: Rules
    windows: Keeper
    announcements: Announcements
    prepare: tuple[Prepare, ...]
    loops: tuple[Loop, ...]


def inside(
    db: Database,
    publish: Publish,
    config: Config,
    *,
    now: Callable[[], datetime],
    retention: timedelta,
    counted: Callable[[History], History] = lambda history: history,
) -> Inside:
    """Put it together; opens nothing. ``counted`` looks at what goes into the history."""
    tickets, history = MongoTickets(db, return_rules(config)), MongoHistory(db, retention)
    windows, suppressed, groups = MongoWindows(db), MongoSuppressed(db), MongoGroups(db)
    known = Keeper(config.maintenance, windows, now)
    correlating = Correlating(config.correlation)
    rules = Rules(Identity.of(config), Triggers.of(config), known.covering, correlating.memberships)
    announcements = Announcements(tickets, publish, now)
    intake = Intake(
        tickets,
        counted(history),
        publish,
        announcements.told,
        rule=rules,
        grouping=Grouper(correlating, groups),
    )
    stores = (tickets, history, windows, groups)
    # A window that was made before holds from the first alert on.
    prepare = (*(store.prepare for store in stores), known.refresh)
    swept = Sweep(lambda: known.windows, suppressed, publish, now)
    loops = (
        every(announce.PAUSE, announcements.sweep, name="announce"),
        every(announce.PAUSE, announcements.calm, name="calm"),
        every(keeper.PAUSE, known.refresh, name="maintenance"),
        every(sweep.PAUSE, swept.sweep, name="suppressed"),
        every(release.PAUSE, Release(groups, publish, now).sweep, name="release"),
    )
    return Inside(intake, rules, known, announcements, prepare, loops)


def return_rules(config: Config) -> ReturnRules:
    """When tickets are reopened, and what flaps."""
    flapping = config.tickets.flapping
    return ReturnRules(config.tickets.reopen_within, flapping.times, flapping.within)
