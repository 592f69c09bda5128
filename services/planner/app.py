"""The planner: triaged tickets in, plans out."""

import sysconfig
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from pydantic import Field

from services.planner.handlers import router
from services.planner.judging import Judge
from services.planner.plan import Planner
from services.planner.policy import Bench
from services.planner.store import MongoConclusions
from shared.config import load_config
from shared.errors import SettingsError
from shared.loops import every
from shared.policy.keeper import PAUSE, PolicyKeeper
from shared.policy.reading import PolicyPlace
from shared.policy.records.store import MongoRecords
from shared.policy.store import MongoLastGood, MongoStopSwitch
from shared.runbook import Library, load_runbooks
from shared.runbook.durations import PositiveDuration
from shared.service import Service, compose
from shared.settings import ServiceSettings

log = structlog.get_logger(__name__)

_HERE: Final = Path("runbooks")
#: Beside the code in a checkout; where the wheel puts them otherwise.
_PACKAGED: Final = (
    Path(__file__).parents[2] / "runbooks",
    Path(sysconfig.get_path("data"), "share", "handrail", "runbooks"),
)


class Settings(ServiceSettings):
    """What the planner is told by its environment."""

    planner_port: int = Field(8084, ge=1, le=65535)
    runbooks: Path | None = None
    approval_expires: PositiveDuration = timedelta(hours=1)


def build(settings: Settings) -> Service:
    """Compose the service; reads the runbooks, opens no connection.

    Raises:
        SettingsError: the directory of runbooks is not there.
        SourceError: handrail.yaml is wrong.
    """
    service = compose("planner", settings, port=settings.planner_port)
    config = load_config(settings.config)
    conclusions = MongoConclusions(service.database)
    library = _library(runbooks_directory(settings.runbooks))
    planner = Planner(library, config.targets, config.prometheus)
    keeper = PolicyKeeper(
        PolicyPlace(settings.config),
        MongoLastGood(service.database),
        registry=service.registry,
        now=lambda: datetime.now(UTC),
    )
    records = MongoRecords(service.database)
    judge = Judge(
        Bench(library, config.targets, settings.approval_expires),
        keeper,
        MongoStopSwitch(service.database),
        records,
        conclusions,
    )
    service.attach(router, planner=planner, judge=judge, conclusions=conclusions, records=records)
    service.prepare += [conclusions.prepare, records.prepare, keeper.look]
    service.loops.append(every(PAUSE, keeper.look, name="policy"))
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


def _library(directory: Path) -> Library:
    library = load_runbooks(directory)
    for problem in library.problems:
        log.error(
            "runbook.refused",
            file=problem.file,
            line=problem.line,
            column=problem.column,
            reason=problem.message,
        )
    log.info("runbooks.loaded", directory=str(directory), count=len(library.runbooks))
    return library
