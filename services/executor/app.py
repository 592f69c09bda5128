"""The executor: plans in, outcomes out, commands run on targets between."""

import os
import socket
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pydantic import Field

from services.executor.engine import Engine
from services.executor.handlers import router
from services.executor.store import MongoExecutors, MongoOutput, MongoSessions
from shared.config import load_config
from shared.connectors.registry import Connectors
from shared.loops import every
from shared.masking import Mask
from shared.oncall.keeping import Rosters
from shared.oncall.store import MongoShifts
from shared.outbox import Outbox
from shared.policy.gate import Gate
from shared.policy.store import MongoStopSwitch
from shared.service import Service, compose
from shared.settings import SigningSettings
from shared.signing import Signer

LOOK_AROUND = timedelta(seconds=1)


class Settings(SigningSettings):
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
    outbox = Outbox(sessions.collection, service.bus.publish)
    config = load_config(settings.config)
    connectors = Connectors(config, settings.home)
    secrets = connectors.secrets()
    gate = Gate(MongoStopSwitch(service.database))
    engine = Engine(
        f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}",
        sessions=sessions,
        executors=executors,
        output=output,
        outbox=outbox,
        targets=connectors,
        gate=gate,
        mask=Mask(secrets),
        hold=max(map(len, secrets), default=0),
        now=lambda: datetime.now(UTC),
        registry=service.registry,
    )
    signer = Signer(settings.secret_key)
    rosters = Rosters(config.schedules, MongoShifts(service.database))
    service.attach(router, engine=engine, signer=signer, sessions=sessions, rosters=rosters)
    service.prepare += [sessions.prepare, output.prepare, outbox.prepare, gate.look, engine.renew]
    service.loops += [
        every(settings.executor_lease / 3, engine.renew, name="renew"),
        every(LOOK_AROUND, engine.adopt, name="adopt"),
        every(LOOK_AROUND, outbox.sweep, name="outbox"),
        every(LOOK_AROUND, gate.look, name="gate"),
        every(timedelta(hours=1), executors.forget, name="forget"),
    ]
    service.close += [engine.close, connectors.close]
    return service
