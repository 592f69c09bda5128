"""Hand-written stand-ins for what the engine talks to."""

import asyncio
import json

from prometheus_client import CollectorRegistry

from services.executor.engine import Engine
from services.executor.output import Outputs
from shared.connectors.protocol import Chunk, Ended, Stream
from shared.errors import UnavailableError
from shared.masking import Mask
from tests.executor.going import verdict
from tests.executor.sessions import NOW


class MemorySessions:
    """The sessions of one process, with the same guard as those in MongoDB."""

    def __init__(self, *sessions, resolved=()):
        self.stored = {session.id: session for session in sessions}
        self.events = []
        self.in_progress = []
        self._resolved = set(resolved)

    async def load(self, session_id):
        return self.stored.get(session_id)

    async def save(self, rev, move):
        if self.stored[move.session.id].rev != rev:
            return None
        self.stored[move.session.id] = move.session.model_copy(update={"rev": rev + 1})
        return list(move.events)

    async def owned_by_others(self, alive):
        return [s.id for s in self.stored.values() if set(s.owners()) - set(alive)]

    async def active_of(self, ticket_id):
        return [s.id for s in self.stored.values() if s.ticket_id == ticket_id]

    async def held_back(self, on=None, *, limit=0):
        held = {s.id: s.held_on for s in self.stored.values() if s.held_on}
        return [(id_, names) for id_, names in held.items() if on is None or set(on) & set(names)]

    async def quiet(self, since):
        return [s for s in self.stored.values() if not s.owners() and not s.held_on]

    async def overdue(self, now):
        return [s.id for s in self.stored.values() if s.deadline and s.deadline <= now]

    async def stopping(self, owner):
        return [s.id for s in self.stored.values() if owner in s.stopping()]

    async def ticket_taken_on(self, ticket_id, now):
        if ticket_id in self._resolved:
            return True
        self.in_progress.append(ticket_id)
        return False


class MemoryExecutors:
    def __init__(self, *alive):
        self.owners = set(alive)

    async def renew(self, owner):
        self.owners.add(owner)

    async def resign(self, owner):
        self.owners.discard(owner)

    async def alive(self):
        return frozenset(self.owners)


class MemoryOutput:
    """The outputs of one process: what was stored while commands ran, and what came to stay."""

    def __init__(self):
        self.chunks = []
        self.gone = []
        self.whole = {}
        self.away = False

    async def add(self, attempt, pieces, gone):
        if self.away:
            raise UnavailableError("away")
        self.chunks += pieces
        self.gone += gone

    async def replace(self, attempt, whole, *, chunks):
        if self.away:
            raise UnavailableError("away")
        self.whole[attempt.step_id, attempt.attempt] = whole


class Air:
    """Hears what is told on the bus."""

    def __init__(self):
        self.heard = []

    async def __call__(self, subject, body):
        self.heard.append((subject, json.loads(body)))


def outputs(store=None, air=None, secrets=()):
    return Outputs(store or MemoryOutput(), air or Air(), Mask(secrets), lambda: NOW)


class KeptOutbox:
    """Takes events as the bus would."""

    def __init__(self):
        self.events = []

    async def flush(self, _document_id, entries):
        self.events += entries

    def replaced(self, _document_id):
        """Nothing is left in a document here."""


class Target:
    """A connector that plays a script: what each job's run comes to."""

    def __init__(self, *outcomes, wait=False):
        self.jobs = []
        self.reads = []
        self.check_exit_code = 1
        self._outcomes = list(outcomes)
        self.may_end = asyncio.Event()
        if not wait:
            self.may_end.set()

    def open(self, _target, *, uses=None):
        return self

    def kind(self, _target):
        return "local"

    async def run(self, job, *, on_output=None):
        self.jobs.append(job)
        if on_output is not None:
            await on_output(Chunk(Stream.STDOUT, 0, "working\n"))
        await self.may_end.wait()
        outcome = self._outcomes.pop(0) if self._outcomes else Ended(0, "done\n", "")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def reattach(self, job, *, on_output=None):
        """As over a claim: what runs there is waited for, and what does not can be begun."""
        return await self.run(job, on_output=on_output)

    async def dry_run(self, job):
        return None

    async def cancel(self, key):
        return True

    async def read(self, command, *, timeout):  # noqa: ASYNC109 the contract has it
        self.reads.append(command)
        return Ended(self.check_exit_code, "", "")

    async def close(self):
        self.closed = True


class OpenWarden:
    """Lets every step in whose plan asks nobody, or says what a test wants to be said."""

    def __init__(self, **verdicts):
        self.said = verdicts
        self.results = []
        self.done = []

    async def verdicts(self, session, due):
        return {id_: self.said.get(id_) or verdict(session, id_) for id_ in due}

    async def ended(self, session, step, result):
        self.results.append((step.id, result))
        return []

    async def finished(self, session):
        self.done.append(session.id)
        return []


class MemoryArtifacts:
    def __init__(self, kept=()):
        self.kept = dict(kept)

    async def load(self, digest):
        return self.kept.get(digest)


class OpenGate:
    """Lets every step pass, as soon as it is open."""

    def __init__(self, *, shut=False):
        self.open = asyncio.Event()
        self.came = 0
        if not shut:
            self.open.set()

    @property
    def is_open(self):
        return self.open.is_set()

    async def passed(self):
        self.came += 1
        await self.open.wait()


def engine(
    sessions,
    target,
    *,
    owner="me",
    executors=None,
    output=None,
    outbox=None,
    gate=None,
    warden=None,
    artifacts=None,
    secrets=(),
    air=None,
):
    return Engine(
        owner,
        sessions=sessions,
        executors=executors or MemoryExecutors(owner),
        output=outputs(output, air, secrets),
        outbox=outbox or KeptOutbox(),
        targets=target,
        warden=warden or OpenWarden(),
        artifacts=artifacts or MemoryArtifacts(),
        gate=gate or OpenGate(),
        mask=Mask(secrets),
        signed=lambda event: event,
        now=lambda: NOW,
        registry=CollectorRegistry(),
    )


async def eventually(holds, seconds=10):
    """Wait until a condition is true; fails when it does not become so."""
    async with asyncio.timeout(seconds):
        while not (found := holds()):
            await asyncio.sleep(0.005)
    return found
