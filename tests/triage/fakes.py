"""Stand-ins for what triage stands on."""

from services.triage.evidence import NOTHING
from shared.lifecycle import TicketState


class FakeTickets:
    """Keeps verdicts as `MongoTickets` does."""

    def __init__(self):
        self.states = {}
        self.verdicts = {}
        self.firing = set()

    async def put(self, ticket_id, state):
        self.states[ticket_id] = state

    async def fire(self, ticket_id):
        self.firing.add(ticket_id)

    async def record(self, ticket_id, judgement, *, opened, over=False, caused_by, now):
        known = self.verdicts.get(ticket_id, (None, None))[1]
        fires = over and ticket_id in self.firing
        if self.states.get(ticket_id) is opened and known != caused_by and not fires:
            target = TicketState.CLOSED if judgement.closes else TicketState.TRIAGED
            self.states[ticket_id] = target
            self.verdicts[ticket_id] = (judgement, caused_by)
            return judgement
        return await self.given(ticket_id, caused_by=caused_by)

    async def given(self, ticket_id, *, caused_by):
        kept, cause = self.verdicts.get(ticket_id, (None, None))
        return kept if cause == caused_by else None

    async def seen(self, ticket_id):
        """The state and the severity."""
        judgement, _ = self.verdicts.get(ticket_id, (None, None))
        severity = judgement.severity if judgement else None
        return self.states.get(ticket_id), severity


class Published:
    """Keeps what was published."""

    def __init__(self):
        self.events = []

    async def __call__(self, *events):
        self.events += events


class FakeGatherer:
    """Finds what it is told to, and counts how often it was asked."""

    def __init__(self, *looks, found=NOTHING):
        self.looks = looks
        self.found = found
        self.gathered = 0

    def wanted(self, alert):
        return self.looks

    async def gather(self, looks, alert):
        self.gathered += 1
        return self.found
