"""Puts the API together: the only place where its parts are constructed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from pydantic import SecretStr

from services.console.api.document import document_routes
from services.console.api.me import me_api
from services.console.api.problem import answer_with_problems
from services.console.audit.entry import Witness
from services.console.audit.store import MongoTrail
from services.console.credentials.api import credentials_api
from services.console.credentials.desk import CredentialDesk
from services.console.targets.api import targets_api
from services.console.targets.checking import Checker
from services.console.targets.desk import TargetDesk
from services.console.tickets.api import tickets_api
from services.console.tickets.store import MongoTickets
from services.console.tokens.door import Door
from services.console.tokens.store import MongoTokens
from shared.config import load_config
from shared.credentials.sealing import Sealer
from shared.credentials.store import MongoCredentials
from shared.store import Database
from shared.targets.store import MongoTargets


@dataclass(frozen=True)
class Place:
    """What the API is told by the console's settings; ``keys`` seal credentials."""

    config: Path | None
    home: Path
    secret_key: SecretStr | None
    secret_key_previous: SecretStr | None
    database: Database

    @property
    def keys(self) -> tuple[SecretStr | None, SecretStr | None]:
        return self.secret_key, self.secret_key_previous


def built(place: Place) -> FastAPI:
    """The application.

    Raises:
        SourceError: handrail.yaml is wrong.
    """
    config = load_config(place.config)
    db = place.database
    door = Door(MongoTokens(db), _now)
    witness = Witness(MongoTrail(db), _now)
    targets = TargetDesk(config.targets, MongoTargets(db), witness, _now)
    checker = Checker(place.config, place.home, place.keys, db)
    credentials = CredentialDesk(
        config.credentials,
        MongoCredentials(db, Sealer([key for key in place.keys if key is not None])),
        targets.views,
        can_seal=place.secret_key is not None,
        witness=witness,
        now=_now,
    )
    api = FastAPI(
        title="Handrail",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    answer_with_problems(api)
    for router in (
        me_api(door),
        tickets_api(door, MongoTickets(db)),
        targets_api(door, targets, checker),
        credentials_api(door, credentials),
    ):
        api.include_router(router)
    document_routes(api)
    return api


async def prepare(db: Database) -> None:
    """Make the indexes of what the API keeps; changes nothing where they are."""
    await MongoTokens(db).prepare()
    await MongoTrail(db).prepare()
    await MongoCredentials(db, Sealer([])).prepare()


def _now() -> datetime:
    """As exactly as MongoDB keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
