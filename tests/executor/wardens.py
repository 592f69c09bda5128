"""A warden whose world is as a test wants it to be."""

from datetime import timedelta

from services.executor.admission.breaker import Breaker, Threshold
from services.executor.admission.rehearsal import Rehearsals
from services.executor.admission.warden import Warden
from shared.config import LocalTarget
from shared.config.execution import Execution
from shared.config.policy import PolicyConfig
from shared.events import Alert, AlertStatus
from shared.lifecycle import StepState
from shared.policy.policy import Policy
from shared.policy.records.record import Record
from tests.executor.fakes import MemoryExecutors, Target
from tests.executor.sessions import NOW, session, step

ALERT = Alert(
    source="alertmanager",
    name="ShopDown",
    status=AlertStatus.FIRING,
    fingerprint="f",
    title="The shop does not answer",
    labels={"service": "shop"},
)


class World:
    """All that a warden asks, as a test wants it to be."""

    def __init__(self):
        self.policy = Policy.of(PolicyConfig(), {})
        self.record = Record("restart", "abc")
        self.begun = 0
        self.held = {}
        self.places = {}
        self.trouble = {}
        self.kept = []
        self.failures = []
        self.waiting = set()

    async def of(self, _runbook):
        return self.record

    async def begun_on(self, _target, _since, *, without):
        return self.begun

    async def count(self, _ticket_id):
        return 1

    async def take(self, targets, session_id):
        for target in targets:
            if self.held.setdefault(target, session_id) != session_id:
                return target, self.held[target]
        return None

    async def enter(self, limit, most, key):
        keys = self.places.setdefault(limit, set())
        if len(keys - {key}) >= most:
            return False
        keys.add(key)
        return True

    async def leave(self, limits, key):
        for limit in limits:
            self.places.get(limit, set()).discard(key)

    async def waits_for(self, session_id, other):
        return (session_id, other) in self.waiting

    async def release(self, session_id):
        self.held = {name: id_ for name, id_ in self.held.items() if id_ != session_id}

    async def all(self):
        return dict(self.trouble)

    async def failed(self, target, now, threshold):
        self.failures.append(target)
        self.trouble[target] = self.trouble.get(target, Breaker()).failed(now, threshold)
        return self.trouble[target]

    async def succeeded(self, target):
        self.trouble.pop(target, None)

    async def keep(self, artifact, _now):
        self.kept.append(artifact)
        return "sha"


def rehearsals(world, connector, *, owner="me", executors=None):
    return Rehearsals(
        owner,
        connectors=connector,
        artifacts=world,
        executors=executors or MemoryExecutors(owner),
        mask=lambda text: text.replace("hunter2", "•••"),
        now=lambda: NOW,
    )


def warden(world, *, connector=None, execution=None, rehearsed=None, **target):
    return Warden(
        keeper=world,
        records=world,
        history=world,
        locks=world,
        breakers=world,
        rehearsals=rehearsed or rehearsals(world, connector or Target()),
        targets={"here": LocalTarget(connector="local", **target)},
        execution=execution or Execution(),
        threshold=Threshold(2, timedelta(minutes=10), timedelta(minutes=1)),
        now=lambda: NOW,
    )


async def verdict(world, *, of=None, step_id="a", **given):
    of = of or session(step("a"), alert=ALERT)
    return (await warden(world, **given).verdicts(of, [step_id]))[step_id]


def policy(**said):
    return Policy.of(PolicyConfig.model_validate(said), {})


async def agreed(**fields):
    of = session(step("a", asks=1, **fields), alert=ALERT)
    run = of.run("a").model_copy(update={"state": StepState.READY, "asked": 1, "agreed": 1})
    of = of.with_run("a", run)
    return of.with_run("a", run.model_copy(update={"approval_id": of.approval_id(of.step("a"))}))
