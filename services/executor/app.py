"""The executor: plans in, outcomes out, commands run on targets between."""

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from pydantic import Field

from services.executor.admission.breaker import Threshold
from services.executor.admission.inadvance import InAdvance
from services.executor.admission.rehearsal import Rehearsals
from services.executor.admission.store import (
    MongoArtifacts,
    MongoBreakers,
    MongoHistory,
    MongoLocks,
)
from services.executor.admission.warden import Warden
from services.executor.changing.forms import Forms
from services.executor.engine import Engine
from services.executor.handlers import router
from services.executor.output import Outputs
from services.executor.store import MongoExecutors, MongoOutput, MongoSessions
from shared.config import load_config
from shared.connectors.reach import reach
from shared.credentials.sealing import under
from shared.credentials.settings import CredentialSettings
from shared.loops import every
from shared.oncall.keeping import Rosters
from shared.oncall.store import MongoShifts
from shared.outbox import Outbox
from shared.policy.gate import Gate
from shared.policy.keeper import PAUSE as POLICY_PAUSE
from shared.policy.keeper import PolicyKeeper
from shared.policy.reading import PolicyPlace
from shared.policy.records.store import MongoRecords
from shared.policy.store import MongoLastGood, MongoStopSwitch
from shared.runbook.versions import MongoVersions
from shared.service import Service, compose
from shared.settings import SigningSettings
from shared.signing import Signer
from shared.standing.live import PAUSE as STANDING_PAUSE
from shared.standing.live import LiveStanding
from shared.standing.store import MongoStanding

LOOK_AROUND = timedelta(seconds=1)
# Well before the sweep takes what is published for left behind.
SETTLE = timedelta(seconds=0.5)
SWEEP = timedelta(seconds=10)


class Settings(SigningSettings, CredentialSettings):
    """What the executor is told by its environment.

    ``executor_lease`` is how long an executor that says nothing is believed to live: so long it
    takes until another one attaches to its commands.
    """

    executor_port: int = Field(8085, ge=1, le=65535)
    executor_lease: timedelta = Field(timedelta(seconds=10), ge=timedelta(seconds=1))


def build(settings: Settings) -> Service:
    """Compose the service; opens nothing.

    Raises:
        SettingsError: a credential of a target is not there.
        SourceError: handrail.yaml is wrong.
    """
    service = compose("executor", settings, port=settings.executor_port)
    sessions = MongoSessions(service.database)
    executors = MongoExecutors(service.database, settings.executor_lease)
    output = MongoOutput(service.database)
    outbox = Outbox(sessions.collection, service.bus.publish, lazily=True)
    config = load_config(settings.config)
    hands = reach(config, settings, settings.home, service.database, by="executor")
    connectors, mask = hands.connectors, hands.mask
    gate = Gate(MongoStopSwitch(service.database))
    signer = Signer(settings.secret_key)
    locks = MongoLocks(service.database)
    artifacts = MongoArtifacts(service.database, under(settings.keys()))
    keeper = PolicyKeeper(
        PolicyPlace(settings.config),
        MongoLastGood(service.database),
        registry=service.registry,
        now=_now,
    )
    breaker = config.execution.breaker
    owner = f"{place_of_home(settings.home)}/{os.getpid()}-{uuid4().hex[:8]}"
    rehearsals = Rehearsals(
        owner,
        connectors=connectors,
        artifacts=artifacts,
        executors=executors,
        mask=mask,
        now=_now,
    )
    rosters = Rosters(config.schedules, MongoShifts(service.database))
    words = MongoStanding(service.database)
    standing = LiveStanding(words, signer, _now)
    forms = Forms(MongoVersions(service.database), sessions)
    warden = Warden(
        keeper=keeper,
        records=MongoRecords(service.database),
        history=MongoHistory(service.database),
        locks=locks,
        breakers=MongoBreakers(service.database),
        rehearsals=rehearsals,
        targets=hands.targets,
        execution=config.execution,
        threshold=Threshold(breaker.failures, breaker.within, breaker.open_for),
        now=_now,
        forms=forms,
        in_advance=InAdvance(
            standing=standing,
            uses=words,
            signer=signer,
            rosters=rosters,
            people=frozenset(person.email.casefold() for person in config.people),
            now=_now,
        ),
    )
    engine = Engine(
        owner,
        sessions=sessions,
        executors=executors,
        output=Outputs(
            output,
            service.bus.tell,
            mask=mask,
            now=_now,
        ),
        outbox=outbox,
        targets=connectors,
        warden=warden,
        artifacts=artifacts,
        gate=gate,
        mask=mask,
        signed=signer.signed_event,
        now=_now,
        registry=service.registry,
    )
    rehearsals.made.append(engine.free)
    service.attach(
        router,
        engine=engine,
        signer=signer,
        sessions=sessions,
        rosters=rosters,
        teams=config.teams,
        forms=forms,
    )
    service.prepare += [sessions.prepare, output.prepare, outbox.prepare, locks.prepare]
    service.prepare += [
        artifacts.prepare,
        gate.look,
        warden.look,
        keeper.look,
        words.prepare,
        standing.look,
        engine.renew,
    ]
    quiet = 2 * settings.executor_lease
    service.loops += [
        every(settings.executor_lease / 3, engine.renew, name="renew"),
        every(LOOK_AROUND, engine.adopt, name="adopt"),
        every(SETTLE, outbox.settle, name="told"),
        every(LOOK_AROUND, outbox.sweep, name="outbox"),
        every(LOOK_AROUND, gate.look, name="gate"),
        every(LOOK_AROUND, warden.look, name="breakers"),
        every(LOOK_AROUND, engine.look_around, name="look"),
        every(quiet, partial(engine.look_for_stuck, quiet), name="stuck"),
        every(POLICY_PAUSE, keeper.look, name="policy"),
        every(STANDING_PAUSE, standing.look, name="standing"),
        every(SWEEP, locks.sweep, name="locks"),
        every(SWEEP, locks.sweep_places, name="places"),
        every(timedelta(hours=1), executors.forget, name="forget"),
    ]
    hands.keep(service)
    service.close += [outbox.settle, rehearsals.close, engine.close]
    return service


def _now() -> datetime:
    return datetime.now(UTC)


def place_of_home(home: Path) -> str:
    """What tells this machine with this home from others: claims of local commands lie here."""
    home.mkdir(parents=True, exist_ok=True)
    mark, mine = home / "place", home / f"place.{uuid4().hex}"
    mine.write_text(uuid4().hex[:12])
    # Of several that begin here at once, all read what the first one has written as a whole.
    with suppress(FileExistsError):
        mark.hardlink_to(mine)
    mine.unlink()
    return f"{socket.gethostname()}-{mark.read_text()}"
