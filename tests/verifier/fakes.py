"""Stand-ins for what the verifier stands on."""

from services.verifier.store import WITHOUT_PLAN
from shared.events import CheckResult, TicketEscalated
from shared.lifecycle import TICKET_FROM, TicketState


class FakeTickets:
    """Keeps conclusions as `MongoTickets` does."""

    def __init__(self):
        self.tickets = {}

    async def put(self, ticket_id, state, *, over=False):
        known = self.tickets.get(ticket_id, {"begun": None, "said": {}})
        self.tickets[ticket_id] = {**known, "state": state, "over": over}

    async def seen(self, ticket_id):
        return self.tickets[ticket_id]["state"]

    async def verifying(self, ticket_id, *, caused_by, now):
        ticket = self.tickets[ticket_id]
        fresh = caused_by not in ticket["said"]
        if ticket["state"] in TICKET_FROM[TicketState.VERIFYING] and fresh:
            ticket.update(state=TicketState.VERIFYING, begun=(caused_by, now))
        cause, since = ticket["begun"] or (None, None)
        return since if ticket["state"] is TicketState.VERIFYING and cause == caused_by else None

    async def end_verification(self, conclusion, *, caused_by):
        ticket = self.tickets[conclusion.ticket_id]
        begun = (ticket["begun"] or (None,))[0] == caused_by
        return begun and self._conclude(conclusion, caused_by, {TicketState.VERIFYING})

    async def escalate(self, escalated, *, caused_by):
        return self._conclude(escalated, caused_by, TICKET_FROM[TicketState.ESCALATED])

    async def resolve_called_off(self, resolved, *, caused_by):
        over = self.tickets[resolved.ticket_id]["over"]
        return over and self._conclude(resolved, caused_by, TICKET_FROM[TicketState.RESOLVED])

    async def resolve_unplanned(self, resolved, *, caused_by):
        over = self.tickets[resolved.ticket_id]["over"]
        return over and self._conclude(resolved, caused_by, WITHOUT_PLAN)

    async def concluded(self, ticket_id, *, caused_by):
        return self.tickets[ticket_id]["said"].get(caused_by)

    def _conclude(self, conclusion, caused_by, states):
        ticket = self.tickets[conclusion.ticket_id]
        if ticket["state"] not in states or caused_by in ticket["said"]:
            return False
        ticket["said"][caused_by] = conclusion
        escalated = isinstance(conclusion, TicketEscalated)
        ticket["state"] = TicketState.ESCALATED if escalated else TicketState.RESOLVED
        return True


class Verdicts:
    """A verification whose checks end as they are told to; ``since`` keeps when each began."""

    def __init__(self, *passed):
        self.passed = passed
        self.since = []

    async def run(self, checks, since):
        self.since.append(since)
        return tuple(
            CheckResult(check=f"check {n}", passed=passed, detail="seen", tries=1, at=since)
            for n, passed in enumerate(self.passed)
        )


class Published:
    """Keeps what was published."""

    def __init__(self):
        self.events = []

    async def __call__(self, *events):
        self.events += events

    @property
    def only(self):
        (event,) = self.events
        return event
