"""Whatever is told of problems, in any order, the store makes of it what a small model makes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.ingest.normal import normalised
from services.ingest.ruling import Ruling
from services.ingest.store import MongoTickets
from services.ingest.ticket import collapsed, fingerprint
from shared.events import AlertStatus

START = datetime(2026, 3, 1, tzinfo=UTC)
REOPENED_WITHIN = timedelta(hours=1)
SETTLES_WITHIN = timedelta(minutes=2)
JUDGED_FOR = timedelta(hours=24)

# The same examples in every run: a failure is somebody's change, not chance.
steadily = partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

problem = st.sampled_from([0, 0, 1])
told = st.tuples(
    problem, st.sampled_from("ab"), st.sampled_from([*AlertStatus, AlertStatus.FIRING])
)
#: Alerts that are told together, each of a problem, as one of its variants.
notification = st.lists(told, min_size=1, max_size=4)
FIRES, OVER = [(0, "a", AlertStatus.FIRING)], [(0, "a", AlertStatus.RESOLVED)]
#: Somebody behind ends the ticket of a problem.
ending = st.tuples(problem, st.sampled_from(["resolved", "closed", "false"]))
#: Minutes go by.
pause = st.sampled_from([1, 30, 59, 90, 1_500])
steps = st.one_of(
    notification.map(lambda said: [said]),
    pause.map(lambda minutes: [minutes]),
    # What is rare by chance: all of the rules are about it.
    st.tuples(ending, notification).map(list),
    st.tuples(ending, pause, notification).map(list),
)


@dataclass
class Ticket:
    """What a ticket should be."""

    count: int
    firing: set[str]
    ended: str = ""
    ended_at: datetime = START
    reopenings: int = 0

    @property
    def state(self):
        open_ = "reopened" if self.reopenings else "new"
        return {"false": "closed", "": open_}.get(self.ended, self.ended)


@dataclass
class Model:
    """The tickets of one problem, the oldest first."""

    tickets: list[Ticket] = field(default_factory=list)

    def hear(self, alerts, now):
        """Alerts of one notification, as pairs of a variant and a status."""
        last = dict(alerts)
        firing = {one for one, status in last.items() if status is AlertStatus.FIRING}
        fired = sum(status is AlertStatus.FIRING for _, status in alerts)
        if not self.tickets and not fired:
            return
        if not self.tickets or (firing and self._too_late(firing, now)):
            self.tickets.append(Ticket(fired, firing))
            return
        ticket = self.tickets[-1]
        if ticket.ended and firing and not self._still_the_same(firing, now):
            ticket.ended = ""
            ticket.reopenings += 1
        ticket.count += fired
        ticket.firing = (ticket.firing - last.keys()) | firing

    def _too_late(self, firing, now):
        ticket = self.tickets[-1]
        if not ticket.ended or self._still_the_same(firing, now):
            return False
        return now - ticket.ended_at > REOPENED_WITHIN

    def _still_the_same(self, firing, now):
        """Whether it never went away, so that its firing is no news."""
        ticket = self.tickets[-1]
        since = now - ticket.ended_at
        if ticket.ended == "false":
            return bool(ticket.firing) and since < JUDGED_FOR
        return ticket.ended == "resolved" and firing <= ticket.firing and since < SETTLES_WITHIN

    def end(self, how, now):
        if self.tickets and not self.tickets[-1].ended:
            self.tickets[-1].ended, self.tickets[-1].ended_at = how, now


@pytest.fixture
async def prepared(db):
    await MongoTickets(db).prepare()
    return db


class Problems:
    """Some problems that no other example has, in the store and in the model."""

    def __init__(self, db):
        self.collection = db.tickets
        self.store = MongoTickets(db)
        self.run = uuid4().hex
        self.models = [Model(), Model()]

    async def hear(self, alerts, now):
        rulings = [Ruling(self.alert(*one)) for one in alerts]
        await self.store.record(collapsed(rulings), now)
        for problem, model in enumerate(self.models):
            about = [(variant, status) for which, variant, status in alerts if which == problem]
            if about:
                model.hear(about, now)

    async def end(self, problem, how, now):
        """As triage and the verifier write it."""
        ended = {"state": "resolved", "resolved_at": now}
        if how != "resolved":
            verdict = {"verdict": "false" if how == "false" else "uncertain"}
            ended = {"state": "closed", "closed_at": now, "verdict": verdict}
        is_open = {"state": {"$in": ["new", "reopened"]}}
        query = {"open_fingerprint": self.fingerprint(problem), **is_open}
        await self.collection.update_one(query, {"$set": ended})
        self.models[problem].end(how, now)

    def alert(self, problem, variant, status):
        return normalised(
            self.run,
            name="Down",
            status=status,
            identity={"problem": str(problem)},
            labels={"variant": variant},
        )

    def fingerprint(self, problem):
        return fingerprint(self.run, "Down", {"problem": str(problem)})

    async def found(self, problem):
        """The tickets in the store, the oldest first."""
        query = {"fingerprint": self.fingerprint(problem)}
        return await self.collection.find(query).sort([("created_at", 1)]).to_list()


def as_found(ticket):
    return ticket["state"], ticket["count"], len(ticket["firing"]), ticket.get("reopenings", 0)


def as_expected(ticket):
    return ticket.state, ticket.count, len(ticket.firing), ticket.reopenings


@steadily(max_examples=150)
@given(together=st.lists(steps, min_size=1, max_size=6))
@example([[FIRES], [(0, "false"), OVER, FIRES], [(0, "resolved"), 30, FIRES]])
async def test_the_store_makes_of_any_sequence_what_the_model_makes(prepared, together):
    problems, now = Problems(prepared), START
    for one in chain.from_iterable(together):
        now += timedelta(seconds=1)
        match one:
            case int():
                now += timedelta(minutes=one)
            case (int(), str()):
                await problems.end(*one, now)
            case _:
                await problems.hear(one, now)
        for problem, model in enumerate(problems.models):
            found = await problems.found(problem)
            expected = [as_expected(ticket) for ticket in model.tickets]
            assert [as_found(ticket) for ticket in found] == expected
            belongs = ["open_fingerprint" in ticket for ticket in found]
            assert belongs == [False] * (len(found) - 1) + [True] * bool(found)
