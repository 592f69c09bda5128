"""The planner: triaged tickets in, plans out."""

import sysconfig
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import Field

from services.planner.desk import Desk
from services.planner.finding import Finder
from services.planner.handlers import router
from services.planner.judging import Judge
from services.planner.meaning.learned import Learned
from services.planner.meaning.store import MongoVectors
from services.planner.plan import Planner
from services.planner.policy import Bench
from services.planner.store import MongoConclusions
from services.planner.versions.folder import Folder
from services.planner.versions.shelf import PAUSE as RUNBOOKS_PAUSE
from services.planner.versions.shelf import Shelf
from shared.config import load_config
from shared.durations import PositiveDuration
from shared.errors import SettingsError
from shared.loops import every
from shared.policy.keeper import PAUSE as POLICY_PAUSE
from shared.policy.keeper import PolicyKeeper
from shared.policy.reading import PolicyPlace
from shared.policy.records.store import MongoRecords
from shared.policy.store import MongoLastGood, MongoStopSwitch
from shared.runbook.search import installed
from shared.runbook.versions import MongoVersions
from shared.service import Service, compose
from shared.settings import SigningSettings
from shared.signing import Signer
from shared.targets.live import PAUSE as TARGETS_PAUSE
from shared.targets.live import LiveTargets
from shared.targets.store import MongoTargets

_HERE: Final = Path("runbooks")
#: Beside the code in a checkout; where the wheel puts them otherwise.
_PACKAGED: Final = (
    Path(__file__).parents[2] / "runbooks",
    Path(sysconfig.get_path("data"), "share", "handrail", "runbooks"),
)


class Settings(SigningSettings):
    """What the planner is told by its environment."""

    planner_port: int = Field(8084, ge=1, le=65535)
    runbooks: Path | None = None
    approval_expires: PositiveDuration = timedelta(hours=1)


def build(settings: Settings) -> Service:
    """Compose the service; opens no connection.

    Raises:
        SettingsError: the directory of runbooks is not there.
        SourceError: handrail.yaml is wrong.
    """
    service = compose("planner", settings, port=settings.planner_port)
    config = load_config(settings.config)
    targets = LiveTargets(config.targets, MongoTargets(service.database))
    conclusions = MongoConclusions(service.database)
    versions = MongoVersions(service.database)
    shelf = Shelf(
        Folder(runbooks_directory(settings.runbooks)),
        versions,
        registry=service.registry,
        now=lambda: datetime.now(UTC),
    )
    keeper = PolicyKeeper(
        PolicyPlace(settings.config),
        MongoLastGood(service.database),
        registry=service.registry,
        now=lambda: datetime.now(UTC),
    )
    records = MongoRecords(service.database)
    judge = Judge(
        Bench(shelf.library, targets, settings.approval_expires),
        keeper,
        MongoStopSwitch(service.database),
        records,
        conclusions,
    )
    model = installed()
    meaning = Learned(model, MongoVectors(service.database)) if model is not None else None
    planner = Planner(shelf.library, targets, config.prometheus, Finder(meaning))
    signer = Signer(settings.secret_key)
    desk = Desk(planner, judge, shelf, signer, meaning)

    async def look() -> None:
        await shelf.look()
        planner.finder.follow(shelf.library)

    service.attach(router, desk=desk, conclusions=conclusions, records=records, signer=signer)
    service.prepare += [conclusions.prepare, records.prepare, versions.prepare]
    service.prepare += [keeper.look, look, targets.look]
    service.loops.append(every(TARGETS_PAUSE, targets.look, name="targets"))
    service.loops.append(every(POLICY_PAUSE, keeper.look, name="policy"))
    service.loops.append(every(RUNBOOKS_PAUSE, look, name="runbooks"))
    if meaning is not None:
        service.loops.append(every(RUNBOOKS_PAUSE, meaning.learn, name="meaning"))
    return service


def runbooks_directory(setting: Path | None) -> Path:
    """Where the runbooks are: as set, or ``./runbooks``, or those that come with Handrail.

    Raises:
        SettingsError: it is no directory.
    """
    if setting is not None:
        if not setting.is_dir():
            raise SettingsError(f"HANDRAIL_RUNBOOKS: {setting} is no directory")
        return setting
    found = next((path for path in (_HERE, *_PACKAGED) if path.is_dir()), None)
    if found is None:
        raise SettingsError("HANDRAIL_RUNBOOKS: is not set, and there is no ./runbooks")
    return found
