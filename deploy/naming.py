"""What runbooks name and this installation does not declare, for ``lint`` and ``doctor``."""

from collections.abc import Iterable, Mapping

from deploy.connection import Place
from deploy.library import books_in, store_if_running
from shared.config import Config, Target, load_config
from shared.errors import HandrailError
from shared.runbook.runbook import Parsed
from shared.store import Database
from shared.targets.live import usable
from shared.targets.store import MongoTargets
from shared.targets.undeclared import Installation, undeclared
from shared.yamlsource import Problem, SourceError


async def warnings(books: Iterable[Parsed], environment: Mapping[str, str]) -> list[Problem]:
    """What files name that is not there; nothing where there is no ``handrail.yaml`` to ask.

    Raises nothing: where that file has mistakes, this is the one thing that is told.
    """
    place = Place.of(environment)
    path = place.home.config(environment)
    if path is None:
        return []
    try:
        config = load_config(path)
    except SourceError:
        message = "has mistakes, so that nobody knows what it declares: see `handrail doctor`"
        return [Problem(str(path), 1, 1, message)]
    async with store_if_running(place) as db:
        here = Installation.of(config, await _targets(config, db))
    return undeclared(books, here)


async def of_active(config: Config, place: Place, environment: Mapping[str, str]) -> list[Problem]:
    """What the active runbooks name that is not there.

    Raises:
        HandrailError: the runbooks cannot be read.
    """
    async with store_if_running(place) as db:
        books = await books_in(db, place, environment=environment)
        here = Installation.of(config, await _targets(config, db))
    return undeclared(books.parsed(), here)


async def _targets(config: Config, db: Database | None) -> Mapping[str, Target]:
    if db is None:
        return config.targets
    try:
        added = await MongoTargets(db).all()
    except HandrailError:
        # A store that stopped to answer keeps no runbook from being looked at.
        return config.targets
    return {**usable(added, config.targets)[0], **config.targets}
