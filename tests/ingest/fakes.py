"""Stand-ins for what ingest stands on."""

from dataclasses import replace
from uuid import uuid4

from services.ingest.ticket import Decision, Recorded
from shared.errors import UnavailableError
from shared.lifecycle import TicketState


class FakeTickets:
    """Keeps tickets as `MongoTickets` does, but those that end; `down` makes it refuse."""

    def __init__(self):
        self.open = {}
        self.firing = {}
        self.ended_at = {}
        self.marked = []
        self.down = False

    async def record(self, said, now):
        if self.down:
            raise UnavailableError("MongoDB does not answer")
        recorded = [self._one(one, now) for one in said]
        return [one for one in recorded if one is not None]

    def _one(self, said, now):
        key = said.alert.fingerprint
        known = self.open.get(key)
        if known is None and not said.fired:
            return None
        firing = (self.firing.get(key, set()) - set(said.over)) | set(said.firing)
        now_known = Recorded(
            ticket_id=known.ticket_id if known else uuid4(),
            alert=said.alert,
            decision=self._decision(known, said, firing),
            state=known.state if known else TicketState.NEW,
            count=(known.count if known else 0) + said.fired,
            gone=not firing,
            created_at=known.created_at if known else now,
        )
        self.open[key], self.firing[key] = now_known, firing
        self.ended_at[now_known.ticket_id] = None if firing else said.ended_at or now
        return now_known

    def _decision(self, known, said, firing):
        if known is None:
            return Decision.OPENED
        if said.fired:
            return Decision.REPEATED
        return Decision.ENDED if firing else Decision.RESOLVED

    async def unannounced(self, before, most):
        late = [
            one
            for one in self.open.values()
            if one.state is TicketState.NEW
            and one.created_at < before
            and one.ticket_id not in self.marked
        ]
        return late[:most]

    async def announced(self, told):
        self.marked += [one.ticket_id for one in told]

    async def source_resolved_at(self, ticket_id):
        return self.ended_at[ticket_id]

    async def move(self, ticket_id, state):
        """What another service did to the ticket."""
        (key,) = [key for key, one in self.open.items() if one.ticket_id == ticket_id]
        if state in {TicketState.RESOLVED, TicketState.CLOSED}:
            del self.open[key], self.firing[key]
        else:
            self.open[key] = replace(self.open[key], state=state)


class FakeBus:
    """Keeps events by their ids, as the stream does; `down` makes it refuse."""

    def __init__(self):
        self.events = {}
        self.at_once = 0
        self.down = False

    async def __call__(self, *events):
        if self.down:
            raise UnavailableError("the bus is not connected")
        self.at_once = max(self.at_once, len(events))
        for event in events:
            self.events.setdefault(event.id, event)

    @property
    def subjects(self):
        return [event.subject for event in self.events.values()]


class FakeQuarantine:
    """Keeps webhooks by their ids, as `MongoQuarantine` does; `down` makes it refuse."""

    def __init__(self):
        self.kept = {}
        self.down = False

    async def keep(self, one):
        if self.down:
            raise UnavailableError("MongoDB does not answer")
        self.kept[one.id] = one


class FakeHistory:
    """Keeps alerts, as `MongoHistory` does; `down` makes it refuse."""

    def __init__(self):
        self.kept = []
        self.down = False

    async def keep(self, entries):
        if self.down:
            raise UnavailableError("MongoDB does not answer")
        self.kept += entries
